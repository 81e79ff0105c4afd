#pragma once
// What every bench does: something is timed again and again, on a number of threads, in memory that the machine has.

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/engine/samples.h"

namespace fovea {

// libtorch's threads for a while; 0: as many as it has.
class BenchThreads {
public:
    explicit BenchThreads(int wanted);
    ~BenchThreads();
    BenchThreads(const BenchThreads&) = delete;
    BenchThreads& operator=(const BenchThreads&) = delete;

private:
    int m_before;
};

// Samples are seconds per call; each lasts 2 ms at least.
class RepeatedWork {
public:
    // Runs it to warm what it uses, and to learn how long it takes.
    explicit RepeatedWork(std::function<void()> work);
    void sample();
    double quantile(double q) const { return m_samples.quantile(q); }
    double spread() const { return m_samples.spread(); }

private:
    double time(int calls) const;

    std::function<void()> m_work;
    int m_calls = 1;
    Samples m_samples;
};

// Throws std::invalid_argument where the machine has less than `wanted` bytes; `instead` is what to do.
void requireMachineHolds(std::int64_t wanted, std::string_view instead);

} // namespace fovea
