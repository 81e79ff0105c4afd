#pragma once
// The threads of one block: their fibers, the barrier they share, and the exchanges of their warps. simt.h's
// primitives end here. One Block serves all blocks of all launches of an executor, one after the other.

#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/simt/executor.h"
#include "tests/support/simt/fiber.h"
#include "tests/support/simt/site.h"

namespace fovea::simt {

constexpr int kLanes = 32;
constexpr int kShownWords = 12;

class Block {
public:
    Block(Order order, std::uint64_t seed);
    ~Block();

    // The block whose thread is running; throws Error when none is.
    static Block& running();

    // --- Called by the executor ----------------------------------------------------------------------------

    // Room for blocks of so many threads, whole warps. Shared memory is allocated to the byte, so that
    // AddressSanitizer sees its ends.
    void prepare(int threads, std::size_t sharedBytes);
    // Runs kernel() in every thread, `serial` being the block's number in the grid.
    void run(int serial, const std::function<void()>& kernel);

    // --- Called by the kernel's threads --------------------------------------------------------------------

    void barrier(Site site);
    // Each lane of the warp gives a value, and gets the one that lane `source` gave.
    std::uint32_t exchange(std::uint32_t value, int source, Site site);
    // Each lane of the warp shows words, up to kShownWords; lane l's are at l·kShownWords of what is returned, until
    // the lane shows some again.
    const std::uint32_t* show(const std::uint32_t* words, int count, Site site);
    void countLoad(std::size_t bytes);
    // *cell += value, in one step that other threads' additions do not come between.
    void addAtomically(unsigned* cell, unsigned value);
    [[noreturn]] void fail(const std::string& what, Site site) const;

    unsigned char* shared() const { return m_shared.get(); }
    std::size_t sharedBytes() const { return m_sharedBytes; }

    Counts counts;
    Watcher* watcher = nullptr;
    int forgottenBarrier = 0;  // see Executor::forgetBarrier

private:
    enum class State : std::uint8_t { Ready, AtBarrier, AtExchange, Done };

    struct Thread {
        Block* block = nullptr;
        std::unique_ptr<Fiber> fiber;
        int number = 0;
        int barriersMet = 0;
        int shows = 0;
        State state = State::Done;
        Site site;  // of what it waits for
    };

    struct Warp {
        int arrived = 0;
        Site site;  // of the first lane to arrive
        std::array<std::uint32_t, kLanes> given, received;
        std::array<int, kLanes> source;
    };

    // By turns, since a lane may show words again while others still read those before.
    using Shown = std::array<std::array<std::uint32_t, kLanes * kShownWords>, 2>;

    struct Free {
        void operator()(unsigned char* memory) const;
    };

    // Thrown through the threads of a block that failed, to free what their stacks hold.
    struct Unwind {};

    static void liveThread(void* thread);
    void runKernel(Thread& self);
    void leave(Thread& self);
    void wait(Thread& self);
    void handOver(Thread& self, int next);
    void resume(Thread& self);
    void openBarrier();
    void completeExchange(int warp);
    void unwindAll();
    bool anyoneLeft() const;
    std::string whoWaits() const;
    Thread& current() { return *m_threads[static_cast<std::size_t>(m_current)]; }

    Schedule m_schedule;
    Fiber m_executor;
    std::vector<std::unique_ptr<Thread>> m_threads;  // as many as the largest block had
    std::vector<Warp> m_warps;
    std::vector<Shown> m_shown;  // by each warp
    std::unique_ptr<unsigned char, Free> m_shared;
    std::size_t m_sharedBytes = 0;

    int m_count = 0;  // threads of this launch's blocks
    int m_current = -1;
    int m_atBarrier = 0;
    Site m_firstAtBarrier, m_otherAtBarrier;
    bool m_barriersDiffer = false;
    bool m_unwinding = false;
    std::exception_ptr m_error;
    const std::function<void()>* m_kernel = nullptr;
};

}  // namespace fovea::simt
