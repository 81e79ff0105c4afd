#pragma once
// Query heads of one KV head that see different tokens of those it holds (MoA under GQA). Ordered by how far they
// look back, furthest first, those that see a token are always the first ones of their group: so the loops, which
// serve a group's heads from one read of a row, serve the first n of them, and know nothing of spans. A row that a
// head does not see never meets its numbers, not even as 0 times infinity.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"

namespace fovea::cpu {

// A query head sees the tokens before `sinks` and those from `oldest` on.
struct HeadSight {
    std::int64_t sinks = 0, oldest = 0;
};

// Keeps its memory from step to step.
class SightOrder {
public:
    // `sights` (H) or empty: every head sees all that is held. Heads of a group have their sinks in common; what they see
    // is held, but not all that is held need be seen.
    void set(std::span<const KvView> heads, int group, std::span<const HeadSight> sights);

    bool any() const { return !m_sights.empty(); }
    // Do heads of KV head g see different tokens?
    bool parted(std::int64_t g) const { return any() && m_parted[static_cast<std::size_t>(g)] != 0; }
    // Which query head of its group comes i-th.
    int original(std::int64_t g, int i) const { return any() ? m_order[index(g, i)] : i; }
    // How many slots the i-th head of KV head g sees; the first one sees all that any does.
    std::int64_t count(const KvView& head, std::int64_t g, int i) const {
        return parted(g) ? m_counts[index(g, i)] : head.slots;
    }
    // Slots of KV head g that none of its heads sees, ascending: another layer's do, for which they are held.
    std::span<const std::int32_t> unseen(std::int64_t g) const {
        return any() ? std::span<const std::int32_t>(m_unseen[static_cast<std::size_t>(g)])
                     : std::span<const std::int32_t>();
    }
    // How many of the group's heads, the first ones, see the token at `position`.
    int seenBy(std::int64_t g, std::int64_t position) const {
        const HeadSight* const own = m_sights.data() + index(g, 0);
        if (position < own->sinks)
            return m_group;
        int n = 0;
        while (n < m_group && own[n].oldest <= position)
            ++n;
        return n;
    }
    // run(first, last, n) for each run of slots in [from, to) that the same n heads see.
    template <class Run>
    void eachRun(const KvView& head, std::int64_t g, std::int64_t from, std::int64_t to, const Run& run) const {
        while (from < to) {
            const int n = seenBy(g, head.positions[from]);
            std::int64_t end = from + 1;
            while (end < to && seenBy(g, head.positions[end]) == n)
                ++end;
            run(from, end, n);
            from = end;
        }
    }

    // The same of listed slots: those that all heads see, then those that all but the last do, …, each part ascending as
    // `slots` are; those that nobody sees are left out. run(slots of one part, how many heads see them).
    template <class Run>
    void eachPart(const KvView& head, std::int64_t g, std::span<const std::int32_t> slots, std::int32_t* memory,
                  const Run& run) const {
        for (int n = m_group; n > 0; --n) {
            std::int32_t* const end = std::copy_if(slots.begin(), slots.end(), memory, [&](std::int32_t slot) {
                return seenBy(g, head.positions[slot]) == n;
            });
            if (end != memory)
                run(std::span<const std::int32_t>(memory, end), n);
            memory = end;
        }
    }

    // x (H, dims) in the order of heads -> in that of sight, and back.
    void arrange(const float* x, int dims, float* ordered) const;
    void restore(const float* ordered, int dims, float* x) const;

private:
    std::size_t index(std::int64_t g, int i) const { return static_cast<std::size_t>(g * m_group + i); }

    int m_group = 1;
    std::vector<HeadSight> m_sights;    // (H) in order
    std::vector<int> m_order;           // (H)
    std::vector<std::int64_t> m_counts; // (H)
    std::vector<char> m_parted;         // (G)
    std::vector<std::vector<std::int32_t>> m_unseen; // (G)
};

} // namespace fovea::cpu
