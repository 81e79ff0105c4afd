#pragma once
// Runs numbered tasks on libtorch's threads. Tasks are handed out one by one, so that a core that another
// program holds for a while delays its own task and not half of the work.

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace fovea::cpu {

// Below this many bytes of work per thread, waking one costs more than it saves (about 5 µs against 30 GB/s).
inline constexpr std::int64_t kBytesPerThread = 128 * 1024;

// Calls task(i) once for every i in [0, tasks), which together move about `bytes`.
template <class Task>
void forEachTask(std::int64_t tasks, std::int64_t bytes, const Task& task) {
    const std::int64_t worthwhile = std::max<std::int64_t>(1, bytes / kBytesPerThread);
    const std::int64_t threads = std::min({std::int64_t{at::get_num_threads()}, tasks, worthwhile});
    if (threads <= 1) {
        for (std::int64_t i = 0; i < tasks; ++i)
            task(i);
        return;
    }
    std::atomic<std::int64_t> next{0};
    at::parallel_for(0, threads, 1, [&](std::int64_t, std::int64_t) {
        for (std::int64_t i = next++; i < tasks; i = next++)
            task(i);
    });
}

}  // namespace fovea::cpu
