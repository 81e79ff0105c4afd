// Bounds of pages of keys in a KvCache: widened by every row that a page gets, begun anew by its first.

#include <algorithm>
#include <cmath>

#include "core/cache/kv_cache_parts.h"
#include "core/kernels/cpu/kernels.h"

namespace fovea {

// The row of `slot`, which was just written, widens its page's bounds, as it is stored: what a query will meet. Where rows
// are floats every bound is the component of some row, and survives the way to fp32 and back; what a code stands for is
// rounded to a float here, by half a unit of its last place.
void KvCache::boundRow(Head& head, std::int64_t slot, SlotChanges& changes, Traffic& moved) {
    if (!head.paged)
        return;
    const std::int64_t page = slot / m_layout.page;
    if (head.pageRows[static_cast<std::size_t>(page)]++ > 0)
        return widenBounds(head, slot, moved);
    const std::int64_t d = m_layout.headDim;
    const float* const key = storedRow(head, Component::Keys, slot);
    std::copy_n(key, d, m_bounds.data());
    std::copy_n(key, d, m_bounds.data() + d);
    ++changes.pagesBegun;
    m_held[Component::Bounds] += m_layout.boundsBytes();
    cpu::convert(m_layout.type, m_bounds.data(), head.boundsAt(page, m_layout), 2 * d);
    moved[Component::Bounds] += m_layout.boundsBytes();
}

// The key of `slot` is another than when its page's bounds were written, or was not there yet.
void KvCache::widenBounds(Head& head, std::int64_t slot, Traffic& moved) {
    const std::int64_t d = m_layout.headDim;
    std::byte* const bounds = head.boundsAt(slot / m_layout.page, m_layout);
    const float* const key = storedRow(head, Component::Keys, slot);
    float *const least = m_bounds.data(), *const greatest = least + d;
    cpu::widen(m_layout.type, bounds, least, 2 * d);
    for (std::int64_t c = 0; c < d; ++c) {
        if (key[c] < least[c] || std::isnan(least[c])) // what is no number bounds nothing
            least[c] = key[c];
        if (key[c] > greatest[c] || std::isnan(greatest[c]))
            greatest[c] = key[c];
    }
    cpu::convert(m_layout.type, least, bounds, 2 * d);
    moved[Component::Bounds] += 2 * m_layout.boundsBytes(); // read, written
}

// The row of `slot` leaves its page. The bounds stay as they are: wider than need be, until no row is left.
void KvCache::leavePage(Head& head, std::int64_t slot) {
    if (head.paged && --head.pageRows[static_cast<std::size_t>(slot / m_layout.page)] == 0)
        m_held[Component::Bounds] -= m_layout.boundsBytes();
}

// What lies beyond the next token's page and its block.
void KvCache::freeEmptyBounds(Head& head) {
    if (!head.paged)
        return;
    const std::int64_t perBlock = m_layout.pagesPerBlock(), pages = head.slots.live() / m_layout.page + 1;
    const auto wanted = static_cast<std::size_t>((pages + perBlock - 1) / perBlock);
    if (head.bounds.size() <= wanted)
        return;
    head.bounds.resize(wanted);
    head.boundBlocks.erase(head.boundBlocks.begin() + static_cast<std::ptrdiff_t>(wanted),
                           head.boundBlocks.end());
    head.pageRows.resize(wanted * static_cast<std::size_t>(perBlock));
}

} // namespace fovea
