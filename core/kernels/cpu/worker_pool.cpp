#include "core/kernels/cpu/worker_pool.h"

#include <hwy/cache_control.h>

#include <chrono>

namespace fovea::cpu {
namespace {

using Clock = std::chrono::steady_clock;
// Longer than what one thread does by itself between two parts of a step, such as appending and evicting rows, since who
// sleeps by then comes late to the next part; and little beside a step, so that nobody spins for long.
constexpr std::chrono::microseconds kSpin{100};
constexpr std::uint64_t kPlace = std::uint64_t{1} << 32;

// Spins until `done`, at most kSpin long.
template <class Done>
void spin(const Done& done) {
    const auto end = Clock::now() + kSpin;
    while (Clock::now() < end)
        for (int i = 0; i < 8; ++i) {
            if (done()) // after each pause, which may take as long as a small product's rest
                return;
            hwy::Pause();
        }
}

}  // namespace

WorkerPool& WorkerPool::instance() {
    static WorkerPool pool;
    return pool;
}

WorkerPool::~WorkerPool() {
    m_ending = true;
    ++m_round;
    m_round.notify_all();
    for (std::thread& worker : m_workers)
        worker.join();
}

void WorkerPool::run(int helpers, void (*body)(void*), void* context) {
    if (helpers < 1 || m_taken.test_and_set(std::memory_order_acquire)) {
        body(context);
        return;
    }
    grow(static_cast<std::size_t>(helpers));
    m_body = body;
    m_context = context;
    m_state.store(static_cast<std::uint64_t>(helpers) * kPlace, std::memory_order_release);
    m_round.fetch_add(1, std::memory_order_release);
    m_round.notify_all();
    body(context);

    // Nobody may enter from now on; those inside have a piece of work left at most.
    m_state.fetch_and(kPlace - 1, std::memory_order_acq_rel);
    spin([this] { return m_state.load(std::memory_order_acquire) == 0; });
    for (std::uint64_t state; (state = m_state.load(std::memory_order_acquire)) != 0;)
        m_state.wait(state, std::memory_order_acquire);
    m_taken.clear(std::memory_order_release);
}

void WorkerPool::grow(std::size_t helpers) {
    while (m_workers.size() < helpers)
        m_workers.emplace_back([this] { work(); });
}

void WorkerPool::work() {
    while (!m_ending) {
        const std::uint32_t round = m_round.load(std::memory_order_acquire);
        if (enter()) {
            m_body(m_context);
            leave();
        }
        spin([&] { return m_round.load(std::memory_order_acquire) != round; });
        m_round.wait(round, std::memory_order_acquire);
    }
}

bool WorkerPool::enter() {
    std::uint64_t state = m_state.load(std::memory_order_acquire);
    while (state >= kPlace)
        if (m_state.compare_exchange_weak(state, state - kPlace + 1, std::memory_order_acq_rel))
            return true;
    return false;
}

void WorkerPool::leave() {
    if (m_state.fetch_sub(1, std::memory_order_acq_rel) == 1)
        m_state.notify_all();
}

}  // namespace fovea::cpu
