#pragma once
// What every bench does: something is timed again and again, on a number of threads, in memory that the machine has.

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

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
    double quantile(double q) const;
    double spread() const { return quantile(0.75) - quantile(0.25); } // interquartile range

private:
    double time(int calls) const;

    std::function<void()> m_work;
    int m_calls = 1;
    std::vector<double> m_samples;
};

// Throws std::invalid_argument where the machine has less than `wanted` bytes; `instead` is what to do.
void requireMachineHolds(std::int64_t wanted, std::string_view instead);

} // namespace fovea
