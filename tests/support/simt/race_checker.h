#pragma once
// Finds accesses of two threads to one address that nothing orders: races that no order of execution need
// show, such as `count += 1` by all threads, or a missing barrier hidden by what the last block left in
// shared memory.
//
// The kernel alone is compiled with -fsanitize=thread, which calls a function before each access; those
// functions are defined here, and libtsan, which knows nothing of blocks and warps, is not linked. Two
// accesses of a block are in order when they are the same thread's, or a barrier lies between them, or an
// exchange of the warp that both belong to. Between blocks of a launch nothing is in order.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tests/support/simt/watcher.h"

namespace fovea::simt {

class RaceChecker final : public Watcher {
public:
    RaceChecker();
    ~RaceChecker() override;

    void launchBegins() override;
    void launchEnds() override;  // throws Error with one line per race
    void blockBegins(int block, const void* shared, std::size_t sharedBytes) override;
    void threadRuns(int thread, const void* stack, std::size_t stackBytes) override;
    void executorRuns() override { m_thread = -1; }
    void addedAtomically(const void* address, std::size_t bytes, void* code) override {
        accessed(address, bytes, Kind::Atomic, code);
    }
    void barrierPassed() override { m_barrierTime = ++m_time; }
    void exchangePassed(int warp) override { m_exchangeTime[static_cast<std::size_t>(warp)] = ++m_time; }

    enum class Kind : std::uint8_t { Read, Write, Atomic };
    // By the thread that runs; `code` is the address of the instruction. Atomic accesses need no order among
    // each other.
    void accessed(const void* address, std::size_t bytes, Kind kind, void* code);

    // The checker that accesses are reported to; null when there is none.
    static RaceChecker* active;

private:
    struct Access {
        std::uint64_t time = 0;
        int block = -1, thread = -1;
        void* code = nullptr;
    };
    // The last write, the last atomic addition, and the last reads of two threads: a third reader's race is
    // found in another order.
    struct Cell {
        Access write, added, read, otherRead;
    };
    static constexpr std::size_t kCellBytes = 2;  // the smallest type that kernels here use
    static constexpr std::size_t kPageBytes = 4096;
    using Page = std::array<Cell, kPageBytes / kCellBytes>;

    Cell& cellOf(std::uintptr_t address);
    bool inOrder(const Access& earlier, bool shared) const;
    void compare(const Access& earlier, bool shared, Kind kind, void* code);
    void report(const std::string& what, Kind kind, void* code, const Access* earlier);

    std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> m_pages;
    std::uint64_t m_time = 1;
    std::uint64_t m_launchTime = 1, m_barrierTime = 1;
    std::array<std::uint64_t, 32> m_exchangeTime{};
    int m_block = -1, m_thread = -1;
    const char *m_sharedBegin = nullptr, *m_sharedEnd = nullptr;
    const char *m_stackBegin = nullptr, *m_stackEnd = nullptr;
    std::set<std::pair<void*, void*>> m_reported;
    std::vector<std::string> m_lines;
};

}  // namespace fovea::simt
