#include "core/cache/slot_table.h"

#include <algorithm>
#include <utility>

namespace fovea {

void SlotTable::reserve(std::int64_t more) {
    m_positions.reserve(m_positions.size() + static_cast<std::size_t>(more));
    m_byAge.reserve(m_byAge.size() + static_cast<std::size_t>(more));
}

void SlotTable::take(std::int64_t position) {
    const auto slot = static_cast<std::size_t>(m_next);
    if (slot < m_positions.size()) {
        m_positions[slot] = position;
        m_inOrder = false;
    } else {
        m_positions.push_back(position);
    }
    m_byAge.push_back(static_cast<std::int32_t>(slot));
    m_next = live(); // with no other slot free, the first after the live ones
}

std::span<const SlotTable::Move> SlotTable::release(std::span<const std::int32_t> slots) {
    m_moves.clear();
    if (slots.empty())
        return m_moves;
    const std::int64_t n = live() - std::ssize(slots), extent = std::ssize(m_positions);
    m_moves.reserve(
        static_cast<std::size_t>(std::max<std::int64_t>(0, extent - n - 1))); // all that may throw
    forget(slots);
    fillHoles(slots);
    return m_moves;
}

// One that leaves is found by its age; of many it is quicker to look at all once.
void SlotTable::forget(std::span<const std::int32_t> slots) {
    constexpr std::int64_t kFew = 8;
    const auto positionOf = [&](std::int32_t slot) -> std::int64_t& {
        return m_positions[static_cast<std::size_t>(slot)];
    };
    if (std::ssize(slots) <= kFew) {
        for (const std::int32_t slot : slots) {
            const auto older = [&](std::int32_t other, std::int64_t position) { return positionOf(other) < position; };
            m_byAge.erase(std::lower_bound(m_byAge.begin(), m_byAge.end(), positionOf(slot), older));
            positionOf(slot) = -1;
        }
        return;
    }
    for (const std::int32_t slot : slots)
        positionOf(slot) = -1;
    std::erase_if(m_byAge, [&](std::int32_t slot) { return positionOf(slot) < 0; });
}

// Rows behind the first n + 1 slots move into holes among them, `freed` (ascending) and the one that was left over
// before; one is left over again.
void SlotTable::fillHoles(std::span<const std::int32_t> freed) {
    const std::int64_t n = live(), extent = std::ssize(m_positions);
    std::int64_t before = std::min(m_next, extent);
    auto next = freed.begin();
    const auto nextHole = [&] {
        return next != freed.end() && *next < before ? std::int64_t{*next++} : std::exchange(before, extent);
    };
    std::int64_t hole = nextHole();
    for (std::int64_t slot = n + 1; slot < extent; ++slot) {
        std::int64_t& position = m_positions[static_cast<std::size_t>(slot)];
        if (position < 0)
            continue;
        m_positions[static_cast<std::size_t>(hole)] = position;
        position = -1;
        m_moves.push_back({static_cast<std::int32_t>(slot), static_cast<std::int32_t>(hole)});
        hole = nextHole();
    }
    m_next = std::min(hole, n);
    m_positions.resize(static_cast<std::size_t>(m_next < n ? n + 1 : n));
    if (!m_moves.empty())
        follow();
}

// Moves are ascending.
void SlotTable::follow() {
    for (std::int32_t& slot : m_byAge) {
        const auto move = std::lower_bound(m_moves.begin(), m_moves.end(), slot,
                                           [](const Move& m, std::int32_t from) { return m.from < from; });
        if (move != m_moves.end() && move->from == slot)
            slot = move->to;
    }
    m_inOrder = std::is_sorted(m_byAge.begin(), m_byAge.end());
}

} // namespace fovea
