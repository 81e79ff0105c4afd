#include "core/bench/repeated_work.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/engine/machine_memory.h"

namespace fovea {

namespace {

constexpr double kShortestSample = 2e-3; // seconds

} // namespace

BenchThreads::BenchThreads(int wanted) : m_before(at::get_num_threads()) {
    if (wanted > 0)
        at::set_num_threads(wanted);
}

BenchThreads::~BenchThreads() {
    at::set_num_threads(m_before);
}

RepeatedWork::RepeatedWork(std::function<void()> work) : m_work(std::move(work)) {
    m_work();
    const double once = time(1);
    m_calls = std::max(1, static_cast<int>(std::ceil(kShortestSample / std::max(once, 1e-7))));
}

void RepeatedWork::sample() {
    m_samples.add(time(m_calls));
}

double RepeatedWork::time(int calls) const {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i)
        m_work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
}

void requireMachineHolds(std::int64_t wanted, std::string_view instead) {
    if (const std::int64_t memory = machineMemory(); memory > 0 && wanted > memory)
        throw std::invalid_argument("this bench needs " + std::to_string(wanted >> 20) +
                                    " MiB of memory and the machine has " + std::to_string(memory >> 20) + ", " +
                                    std::string(instead));
}

} // namespace fovea
