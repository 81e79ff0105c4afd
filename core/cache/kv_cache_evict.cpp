// Evictions of a KvCache: sums are reduced, slots freed, rows moved, blocks given back.

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/cache/kv_cache_parts.h"

namespace fovea {

std::span<const SlotTable::Move> KvCache::evict(int layer, int kvHead, std::span<const std::int32_t> slots,
                                                std::int64_t at, Ledger& ledger) {
    if (slots.empty())
        return {};
    Head& own = head(layer, kvHead);
    SlotChanges& changes = m_layers[static_cast<std::size_t>(layer)].changes;

    Traffic moved;
    bool numbers = true;
    for (const std::int32_t slot : slots) {
        told(layer, kvHead, at, position(layer, kvHead, slot), slot, SlotEvent::Kind::Evicted);
        if (m_layout.valueSum && m_layout.valueSums == 1)
            numbers &= subtract(own, 0, slot, moved);
        leavePage(own, slot);
        for (MixedRows* const rows : own.mixedRows())
            if (rows)
                rows->release(slot);
    }
    const std::span<const SlotTable::Move> moves = own.slots.release(slots);
    for (const SlotTable::Move move : moves) {
        moveRow(own, move.from, move.to, moved);
        leavePage(own, move.from);
        boundRow(own, move.to, changes, moved);
        told(layer, kvHead, at, position(layer, kvHead, move.to), move.to, SlotEvent::Kind::Moved);
        ++changes.moved;
    }
    if (!numbers)
        sumAgain(own, 0, own.slots.byAge(), changes, moved);
    freeEmptyBlocks(own);

    changes.dropped += std::ssize(slots);
    ledger.add(moved);
    Traffic gone;
    if (!m_layout.mixed) {
        m_rows.count(gone, Component::Keys, std::ssize(slots));
        m_rows.count(gone, Component::Values, std::ssize(slots));
    }
    if (m_layout.keyColumns)
        gone[Component::KeyColumns] = std::ssize(slots) * std::ssize(m_floats);
    m_held -= gone;
    return moves;
}

void KvCache::hide(int layer, int kvHead, int sum, std::span<const std::int32_t> leaving,
                   std::span<const std::int32_t> staying, Ledger& ledger) {
    if (!m_layout.valueSum || leaving.empty())
        return;
    Head& own = head(layer, kvHead);
    Traffic moved;
    bool numbers = true;
    for (const std::int32_t slot : leaving)
        numbers &= subtract(own, sum, slot, moved);
    if (!numbers)
        sumAgain(own, sum, staying, m_layers[static_cast<std::size_t>(layer)].changes, moved);
    ledger.add(moved);
}

// Takes the value of `slot` from a sum. False when one of its components is no number: then the sum is
// lost, for infinity less infinity is not what the others add up to.
bool KvCache::subtract(Head& head, int sum, std::int64_t slot, Traffic& moved) {
    const float* const stored = storedRow(head, Component::Values, slot, &moved);
    float* const values = head.valueSum.data() + std::int64_t{sum} * m_layout.headDim;
    bool numbers = true;
    for (int c = 0; c < m_layout.headDim; ++c) {
        values[c] -= stored[c];
        numbers &= std::isfinite(stored[c]);
    }
    moved[Component::Mean] += 2 * m_layout.headDim * static_cast<std::int64_t>(sizeof(float));
    return numbers;
}

// A sum over `slots` alone.
void KvCache::sumAgain(Head& head, int sum, std::span<const std::int32_t> slots, SlotChanges& changes,
                       Traffic& moved) {
    float* const values = head.valueSum.data() + std::int64_t{sum} * m_layout.headDim;
    std::fill_n(values, m_layout.headDim, 0.f);
    for (const std::int32_t slot : slots) {
        const float* const stored = storedRow(head, Component::Values, slot, &moved);
        for (int c = 0; c < m_layout.headDim; ++c)
            values[c] += stored[c];
    }
    changes.resummed += std::ssize(slots);
    ++changes.sums;
    moved[Component::Mean] += m_layout.headDim * static_cast<std::int64_t>(sizeof(float));
}

void KvCache::moveRow(Head& head, std::int64_t from, std::int64_t to, Traffic& moved) {
    if (m_layout.mixed) {
        head.mixedKeys->move(head.keyPlaces(m_layout), from, to, moved);
        head.mixedValues->move(head.valuePlaces(m_layout), from, to, moved);
    } else {
        for (const auto* table : {&head.keys, &head.values})
            m_rows.copy(Head::blockOf(*table, from, m_layout), from % m_layout.slotsPerBlock,
                        Head::blockOf(*table, to, m_layout), to % m_layout.slotsPerBlock);
        m_rows.count(moved, Component::Keys, 2); // read, written
        m_rows.count(moved, Component::Values, 2);
    }
    if (m_layout.keyColumns) {
        copyColumns(head, from, to);
        moved[Component::KeyColumns] += 2 * std::ssize(m_floats);
    }
}

// All but one block beyond the whole ones, which the next tokens will want.
void KvCache::freeEmptyBlocks(Head& head) {
    freeEmptyBounds(head);
    const auto wanted = static_cast<std::size_t>(head.slots.live() / m_layout.slotsPerBlock + 1);
    if (head.keys.size() <= wanted)
        return;
    for (auto* table : {&head.keys, &head.values, &head.keyColumns})
        table->resize(std::min(table->size(), wanted));
    head.blocks.erase(head.blocks.begin() + static_cast<std::ptrdiff_t>(wanted * kinds()), head.blocks.end());
}

SlotChanges KvCache::takeChanges(int layer) {
    Layer& own = m_layers[static_cast<std::size_t>(layer)];
    SlotChanges changes = std::exchange(own.changes, SlotChanges{});
    for (Head& head : own.heads) {
        if (!head.mixedKeys)
            continue;
        changes.mixed.keys += head.mixedKeys->takeCount();
        changes.mixed.values += head.mixedValues->takeCount();
    }
    return changes;
}

} // namespace fovea
