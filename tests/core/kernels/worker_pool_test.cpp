// The threads behind the kernels: every task once, whoever does it.

#include <ATen/Parallel.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "core/kernels/cpu/tasks.h"

using fovea::cpu::forEachTask;

namespace {

constexpr std::int64_t kMuch = std::int64_t{1} << 40;  // bytes: worth every thread

// Restores the number of threads.
struct Threads {
    explicit Threads(int n) { at::set_num_threads(n); }
    ~Threads() { at::set_num_threads(before); }
    int before = at::get_num_threads();
};

std::vector<int> countedTasks(std::int64_t tasks) {
    std::vector<std::atomic<int>> count(static_cast<std::size_t>(tasks));
    forEachTask(tasks, kMuch, [&](std::int64_t i) { ++count[static_cast<std::size_t>(i)]; });
    return {count.begin(), count.end()};
}

}  // namespace

TEST_CASE("Every task is done exactly once, on any number of threads", "[core.kernels]") {
    for (const int threads : {1, 2, 3, 8}) {
        const Threads set(threads);
        for (const std::int64_t tasks : {0, 1, 2, 7, 1000})
            for (int repeat = 0; repeat < 50; ++repeat)
                REQUIRE(countedTasks(tasks) == std::vector<int>(static_cast<std::size_t>(tasks), 1));
    }
}

TEST_CASE("Tasks run beside each other", "[core.kernels]") {
    const Threads set(2);
    // Each waits until the other has begun; alone, it would wait for ever.
    std::atomic<int> begun{0};
    bool met[2] = {};
    forEachTask(2, kMuch, [&](std::int64_t i) {
        ++begun;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (begun < 2 && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        met[i] = begun == 2;
    });
    CHECK(met[0]);
    CHECK(met[1]);
}

TEST_CASE("A task may have tasks of its own", "[core.kernels]") {
    const Threads set(3);
    std::atomic<int> done{0};
    forEachTask(5, kMuch, [&](std::int64_t) { forEachTask(7, kMuch, [&](std::int64_t) { ++done; }); });
    CHECK(done == 35);
}

TEST_CASE("Two threads may have tasks at the same time", "[core.kernels]") {
    const Threads set(2);
    std::atomic<int> done{0};
    const auto work = [&] {
        at::set_num_threads(2);
        for (int repeat = 0; repeat < 2000; ++repeat)
            forEachTask(4, kMuch, [&](std::int64_t) { ++done; });
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(done == 2 * 2000 * 4);
}

TEST_CASE("Workers that have gone to sleep are woken", "[core.kernels]") {
    const Threads set(2);
    for (int repeat = 0; repeat < 5; ++repeat) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        CHECK(countedTasks(100) == std::vector<int>(100, 1));
    }
}
