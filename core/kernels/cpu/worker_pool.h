#pragma once
// Threads for the kernels. OpenMP's own would do but for how they wait: they spin for milliseconds, and on a machine
// that does other things as well a spinning thread uses up the time it needs to work a moment later (a decode step of
// 1.9 ms then takes 8). These spin for some microseconds, enough to last from one kernel of a step to the next, and then
// sleep; and the caller waits for nobody who has not begun.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace fovea::cpu {

class WorkerPool {
public:
    static WorkerPool& instance();

    WorkerPool() = default;
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Calls body(context) on this thread and meanwhile on up to `helpers` others, and returns when all calls have. They
    // share the work out among themselves, and none may throw. Where the pool is taken (by another thread, or by
    // this one further up) this thread works alone.
    void run(int helpers, void (*body)(void*), void* context);

private:
    void grow(std::size_t helpers);
    void work();
    bool enter();
    void leave();

    std::atomic_flag m_taken;
    std::vector<std::thread> m_workers;

    // The job; written only while nobody is inside.
    void (*m_body)(void*) = nullptr;
    void* m_context = nullptr;

    // Upper half: how many more workers may enter the job; lower half: how many are in it.
    std::atomic<std::uint64_t> m_state{0};
    std::atomic<std::uint32_t> m_round{0};  // counts jobs; sleepers wait for it to change
    std::atomic<bool> m_ending{false};
};

}  // namespace fovea::cpu
