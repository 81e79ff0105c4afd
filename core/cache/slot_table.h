#pragma once
// Which token lies in which slot of one (owner layer, KV head). Live slots are the first n, but for at most
// one free slot among the first n + 1, which the next token takes: so kernels loop over slots 0..n-1 as soon
// as it is taken, and an eviction of one token a step moves no row at all.

#include <cstdint>
#include <span>
#include <vector>

namespace fovea {

class SlotTable {
public:
    struct Move {
        std::int32_t from, to;
    };

    std::int64_t live() const { return static_cast<std::int64_t>(m_byAge.size()); }
    // The slot that the next token takes.
    std::int64_t next() const { return m_next; }
    // By slot, 0..next included once taken; -1 in a free one.
    std::span<const std::int64_t> positions() const { return m_positions; }
    // Live slots, oldest position first.
    std::span<const std::int32_t> byAge() const { return m_byAge; }
    // Is the order of slots that of age?
    bool inOrder() const { return m_inOrder; }

    // Room for `more` tokens, so that the next calls of take do not throw.
    void reserve(std::int64_t more);
    // `position` is newer than all before it.
    void take(std::int64_t position);
    // Frees live `slots` (ascending). What lies too far back moves forward, oldest slot first: the rows to
    // move, good until the next call.
    std::span<const Move> release(std::span<const std::int32_t> slots);

private:
    void forget(std::span<const std::int32_t> slots);
    void fillHoles(std::span<const std::int32_t> freed);
    void follow();

    std::vector<std::int64_t> m_positions;
    std::vector<std::int32_t> m_byAge;
    std::vector<Move> m_moves; // of the last release
    std::int64_t m_next = 0;
    bool m_inOrder = true;
};

} // namespace fovea
