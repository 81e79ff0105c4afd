#pragma once
// Runs numbered tasks on as many threads as libtorch is set to. Tasks are handed out one by one, so that a core that
// another program holds for a while delays its own task and not half of the work.

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/cache/ledger.h"
#include "core/kernels/cpu/worker_pool.h"

namespace fovea::cpu {

// Below this many bytes of work per thread, waking one costs more than it saves (about 5 µs against 30 GB/s).
inline constexpr std::int64_t kBytesPerThread = 128 * 1024;

// How many rows of a matrix make a task: about 256 KiB of them, long streams that stay in L2 while further vectors go over
// them; and as many tasks for each thread, where there are few.
inline std::int64_t rowsPerTask(std::int64_t rows, std::int64_t rowBytes) {
    constexpr std::int64_t kTaskBytes = 256 * 1024;
    const std::int64_t threads = at::get_num_threads(), bytes = rows * rowBytes;
    const std::int64_t turns = std::max<std::int64_t>(1, (bytes + kTaskBytes * threads - 1) / (kTaskBytes * threads));
    return std::max<std::int64_t>(1, (rows + turns * threads * 4 - 1) / (turns * threads * 4)) * 4;
}

// Calls task(i) once for every i in [0, tasks), which together move about `bytes`. A task may not throw.
template <class Task>
void forEachTask(std::int64_t tasks, std::int64_t bytes, const Task& task) {
    struct Shared {
        const Task& task;
        std::int64_t tasks;
        std::atomic<std::int64_t> next{0};
    } shared{task, tasks};
    const std::int64_t worthwhile = std::max<std::int64_t>(1, bytes / kBytesPerThread);
    const std::int64_t threads =
        at::in_parallel_region() ? 1 : std::min({std::int64_t{at::get_num_threads()}, tasks, worthwhile});
    const auto share = [](void* context) {
        auto& s = *static_cast<Shared*>(context);
        for (std::int64_t i = s.next++; i < s.tasks; i = s.next++)
            s.task(i);
    };
    if (threads > 1)
        WorkerPool::instance().run(static_cast<int>(threads) - 1, share, &shared);
    else
        share(&shared);
}

// The same for tasks that read the cache: task(i, moved) counts into a Traffic of its own, which `ledger` hears.
template <class Task>
void forEachCounted(std::int64_t tasks, std::int64_t bytes, Ledger& ledger, const Task& task) {
    forEachTask(tasks, bytes, [&](std::int64_t i) {
        Traffic moved;
        task(i, moved);
        ledger.add(moved);
    });
}

}  // namespace fovea::cpu
