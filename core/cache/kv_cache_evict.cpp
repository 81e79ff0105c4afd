// Evictions of a KvCache: sums are reduced, slots freed, rows moved, blocks given back.

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/cache/kv_cache_parts.h"

namespace fovea {

std::vector<SlotTable::Move> KvCache::evict(int layer, int kvHead, std::span<const std::int32_t> slots,
                                            std::int64_t at, Ledger& ledger) {
    if (slots.empty())
        return {};
    Head& own = head(layer, kvHead);
    SlotChanges& changes = m_layers[static_cast<std::size_t>(layer)].changes;

    Traffic moved;
    bool numbers = true;
    for (const std::int32_t slot : slots) {
        told(layer, kvHead, at, position(layer, kvHead, slot), slot, SlotEvent::Kind::Evicted);
        if (m_layout.valueSum)
            numbers &= subtract(own, slot, moved);
    }
    std::vector<SlotTable::Move> moves = own.slots.release(slots);
    for (const SlotTable::Move move : moves) {
        moveRow(own, move.from, move.to, moved);
        told(layer, kvHead, at, position(layer, kvHead, move.to), move.to, SlotEvent::Kind::Moved);
        ++changes.moved;
    }
    if (!numbers)
        sumAgain(own, changes, moved);
    freeEmptyBlocks(own);

    changes.dropped += std::ssize(slots);
    ledger.add(moved);
    const std::int64_t bytes = std::ssize(slots) * m_layout.headDim * elementBytes(m_layout.type);
    m_held[Component::Keys] -= bytes;
    m_held[Component::Values] -= bytes;
    if (m_layout.keyColumns)
        m_held[Component::KeyColumns] -= bytes;
    return moves;
}

// Takes the value of `slot` from the sum. False when one of its components is no number: then the sum is
// lost, for infinity less infinity is not what the others add up to.
bool KvCache::subtract(Head& head, std::int64_t slot, Traffic& moved) {
    const float* const stored = storedValue(head, slot);
    bool numbers = true;
    for (int c = 0; c < m_layout.headDim; ++c) {
        head.valueSum[static_cast<std::size_t>(c)] -= stored[c];
        numbers &= std::isfinite(stored[c]);
    }
    moved[Component::Values] += m_layout.headDim * std::int64_t{elementBytes(m_layout.type)};
    moved[Component::Mean] += 2 * m_layout.headDim * static_cast<std::int64_t>(sizeof(float));
    return numbers;
}

// The sum over the live slots alone.
void KvCache::sumAgain(Head& head, SlotChanges& changes, Traffic& moved) {
    std::fill(head.valueSum.begin(), head.valueSum.end(), 0.f);
    for (const std::int32_t slot : head.slots.byAge()) {
        const float* const stored = storedValue(head, slot);
        for (int c = 0; c < m_layout.headDim; ++c)
            head.valueSum[static_cast<std::size_t>(c)] += stored[c];
    }
    changes.resummed += head.slots.live();
    ++changes.sums;
    moved[Component::Values] += head.slots.live() * m_layout.headDim * elementBytes(m_layout.type);
    moved[Component::Mean] += m_layout.headDim * static_cast<std::int64_t>(sizeof(float));
}

void KvCache::moveRow(Head& head, std::int64_t from, std::int64_t to, Traffic& moved) {
    const std::int64_t bytes = std::int64_t{m_layout.headDim} * elementBytes(m_layout.type);
    const SlotMemory source = head.at(from, m_layout), target = head.at(to, m_layout);
    std::copy_n(source.key, bytes, target.key);
    std::copy_n(source.value, bytes, target.value);
    moved[Component::Keys] += 2 * bytes;
    moved[Component::Values] += 2 * bytes;
    if (m_layout.keyColumns) {
        target.writeColumns(m_layout);
        moved[Component::KeyColumns] += bytes;
    }
}

// All but one block beyond the whole ones, which the next tokens will want.
void KvCache::freeEmptyBlocks(Head& head) {
    const auto wanted = static_cast<std::size_t>(head.slots.live() / m_layout.slotsPerBlock + 1);
    if (head.keys.size() <= wanted)
        return;
    for (auto* table : {&head.keys, &head.values, &head.keyColumns})
        table->resize(std::min(table->size(), wanted));
    head.blocks.erase(head.blocks.begin() + static_cast<std::ptrdiff_t>(wanted * kinds()), head.blocks.end());
}

SlotChanges KvCache::takeChanges(int layer) {
    return std::exchange(m_layers[static_cast<std::size_t>(layer)].changes, SlotChanges{});
}

} // namespace fovea
