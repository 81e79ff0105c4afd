#include "tests/support/simt/block.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <new>

#include "tests/support/simt/simt.h"

namespace fovea::simt {
namespace {

constexpr std::size_t kStackBytes = 64 * 1024;
// What kernels find in shared memory that nobody wrote: as float, NaN.
constexpr int kPoison = 0xFF;

Block* g_running = nullptr;

}  // namespace

Block::Block(Order order, std::uint64_t seed) : m_schedule(order, seed) {}

Block::~Block() = default;

void Block::Free::operator()(unsigned char* memory) const { std::free(memory); }

Block& Block::running() {
    if (!g_running)
        throw Error("a device function was called outside a kernel");
    return *g_running;
}

// --- Running a block ---------------------------------------------------------------------------------------

void Block::prepare(int threads, std::size_t sharedBytes) {
    m_count = threads;
    m_warps.assign(static_cast<std::size_t>(m_count / kLanes), Warp{});
    m_shown.resize(m_warps.size());
    while (static_cast<int>(m_threads.size()) < m_count) {
        auto thread = std::make_unique<Thread>();
        thread->block = this;
        thread->number = static_cast<int>(m_threads.size());
        thread->fiber = std::make_unique<Fiber>(kStackBytes, liveThread, thread.get());
        m_threads.push_back(std::move(thread));
    }

    void* memory = nullptr;
    if (posix_memalign(&memory, 128, std::max<std::size_t>(sharedBytes, 1)) != 0)
        throw std::bad_alloc();
    m_shared.reset(static_cast<unsigned char*>(memory));
    m_sharedBytes = sharedBytes;
}

void Block::run(int serial, const std::function<void()>& kernel) {
    m_kernel = &kernel;
    m_atBarrier = 0;
    m_unwinding = false;
    m_error = nullptr;
    std::fill(m_warps.begin(), m_warps.end(), Warp{});
    std::memset(m_shared.get(), kPoison, m_sharedBytes);
    if (watcher)
        watcher->blockBegins(serial, m_shared.get(), m_sharedBytes);

    m_schedule.reset(m_count);
    for (int i = 0; i < m_count; ++i) {
        m_threads[static_cast<std::size_t>(i)]->state = State::Ready;
        m_threads[static_cast<std::size_t>(i)]->barriersMet = 0;
        m_threads[static_cast<std::size_t>(i)]->shows = 0;
        m_schedule.makeReady(i);
    }
    g_running = this;
    m_current = m_schedule.next();
    Fiber::switchTo(m_executor, *current().fiber);  // comes back when all are done, or one has failed
    if (m_error)
        unwindAll();
    g_running = nullptr;
    if (m_error)
        std::rethrow_exception(m_error);
}

// Every thread that is still somewhere in the kernel leaves it, so that its fiber can begin the next block
// afresh.
void Block::unwindAll() {
    m_unwinding = true;
    for (int i = 0; i < m_count; ++i) {
        m_current = i;
        if (current().state != State::Done)
            Fiber::switchTo(m_executor, *current().fiber);
    }
    for (const auto& thread : m_threads)
        thread->fiber->forgetPoison();
}

// --- A thread ----------------------------------------------------------------------------------------------

void Block::liveThread(void* thread) {
    Fiber::entered();
    Thread& self = *static_cast<Thread*>(thread);
    for (;;) {  // one turn per block
        if (!self.block->m_unwinding)
            self.block->runKernel(self);
        self.block->leave(self);
    }
}

// No switch may happen inside a catch block: the runtime keeps its caught exceptions per thread of the
// operating system, not per fiber.
void Block::runKernel(Thread& self) {
    try {
        resume(self);
        (*m_kernel)();
    } catch (const Unwind&) {
    } catch (...) {
        if (!m_error)
            m_error = std::current_exception();
    }
    if (watcher)
        watcher->executorRuns();
}

// Returns when the next block begins.
void Block::leave(Thread& self) {
    self.state = State::Done;
    int next = -1;
    if (!m_error && !m_unwinding) {
        next = m_schedule.next();
        if (next < 0 && anyoneLeft())
            m_error = std::make_exception_ptr(Error(whoWaits()));
    }
    if (next >= 0)
        handOver(self, next);
    else
        Fiber::switchTo(*self.fiber, m_executor);
}

// Lets the others run until this thread is ready again and its turn has come.
void Block::wait(Thread& self) {
    const int next = m_schedule.next();
    if (next < 0)
        throw Error(whoWaits());
    if (next != self.number)
        handOver(self, next);
    if (m_unwinding)
        throw Unwind{};
    self.state = State::Ready;
    resume(self);
}

// Returns when somebody hands over to this thread.
void Block::handOver(Thread& self, int next) {
    m_current = next;
    Fiber::switchTo(*self.fiber, *current().fiber);
}

void Block::resume(Thread& self) {
    ::threadIdx = {static_cast<unsigned>(self.number), 0, 0};
    if (watcher)
        watcher->threadRuns(self.number, self.fiber->stackBegin(), self.fiber->stackBytes());
}

// --- Meeting places ----------------------------------------------------------------------------------------

void Block::barrier(Site site) {
    Thread& self = current();
    if (++self.barriersMet == forgottenBarrier)
        return;
    if (watcher)
        watcher->executorRuns();
    self.state = State::AtBarrier;
    self.site = site;
    if (m_atBarrier == 0) {
        m_firstAtBarrier = site;
        m_barriersDiffer = false;
    } else if (site != m_firstAtBarrier) {
        m_otherAtBarrier = site;
        m_barriersDiffer = true;
    }
    if (++m_atBarrier == m_count)
        openBarrier();
    wait(self);
}

void Block::openBarrier() {
    if (m_barriersDiffer)
        throw Error("threads of one block meet at different barriers: " + m_firstAtBarrier.text() + " and " +
                    m_otherAtBarrier.text());
    ++counts.barriers;
    m_atBarrier = 0;
    if (watcher)
        watcher->barrierPassed();
    m_schedule.shuffle();
    for (int i = 0; i < m_count; ++i)
        m_schedule.makeReady(i);
}

std::uint32_t Block::exchange(std::uint32_t value, int source, Site site) {
    if (watcher)
        watcher->executorRuns();
    Thread& self = current();
    const auto lane = static_cast<std::size_t>(self.number % kLanes);
    const int warpNumber = self.number / kLanes;
    Warp& warp = m_warps[static_cast<std::size_t>(warpNumber)];
    self.state = State::AtExchange;
    self.site = site;
    if (warp.arrived == 0)
        warp.site = site;
    else if (site != warp.site)
        throw Error("lanes of warp " + std::to_string(warpNumber) +
                    " meet in different exchanges: " + warp.site.text() + " and " + site.text());
    warp.given[lane] = value;
    warp.source[lane] = source;
    if (++warp.arrived == kLanes)
        completeExchange(warpNumber);
    wait(self);
    return warp.received[lane];
}

const std::uint32_t* Block::show(const std::uint32_t* words, int count, Site site) {
    Thread& self = current();
    const int lane = self.number % kLanes;
    Shown& ofWarp = m_shown[static_cast<std::size_t>(self.number / kLanes)];
    std::uint32_t* const shown = ofWarp[static_cast<std::size_t>(self.shows++ % 2)].data();
    std::copy_n(words, count, shown + lane * kShownWords);
    exchange(0, lane, site);
    return shown;
}

void Block::completeExchange(int warpNumber) {
    Warp& warp = m_warps[static_cast<std::size_t>(warpNumber)];
    for (std::size_t lane = 0; lane < kLanes; ++lane)
        warp.received[lane] = warp.given[static_cast<std::size_t>(warp.source[lane])];
    warp.arrived = 0;
    ++counts.exchanges;
    if (watcher)
        watcher->exchangePassed(warpNumber);
    for (int lane = 0; lane < kLanes; ++lane)
        m_schedule.makeReady(warpNumber * kLanes + lane);
}

// Not in simt.h, which the race checker has instrumented: that would find the kernel's threads racing to
// count.
void Block::countLoad(std::size_t bytes) { counts.bytesLoaded += bytes; }

// Nor is this: what it does to the cell it tells the race checker itself, as an access that only others of
// its kind may meet.
void Block::addAtomically(unsigned* cell, unsigned value) {
    if (watcher)
        watcher->addedAtomically(cell, sizeof *cell, __builtin_return_address(0));
    *cell += value;
}

// --- Messages ----------------------------------------------------------------------------------------------

bool Block::anyoneLeft() const {
    return std::any_of(m_threads.begin(), m_threads.begin() + m_count,
                       [](const auto& thread) { return thread->state != State::Done; });
}

std::string Block::whoWaits() const {
    std::map<std::string, int> threadsAt;
    for (int i = 0; i < m_count; ++i) {
        const Thread& thread = *m_threads[static_cast<std::size_t>(i)];
        switch (thread.state) {
        case State::Done: ++threadsAt["have left the kernel"]; break;
        case State::AtBarrier: ++threadsAt["wait at the barrier " + thread.site.text()]; break;
        case State::AtExchange: ++threadsAt["wait for their warp at " + thread.site.text()]; break;
        case State::Ready: break;
        }
    }
    std::string text = "no thread of the block can go on";
    for (const auto& [place, threads] : threadsAt)
        text += "; " + std::to_string(threads) + " of " + std::to_string(m_count) + " " + place;
    return text;
}

void Block::fail(const std::string& what, Site site) const {
    const Thread& self = *m_threads[static_cast<std::size_t>(m_current)];
    throw Error(what + ", by thread " + std::to_string(self.number) + " at " + site.text());
}

}  // namespace fovea::simt
