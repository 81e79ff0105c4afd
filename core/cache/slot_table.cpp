#include "core/cache/slot_table.h"

#include <algorithm>

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

std::vector<SlotTable::Move> SlotTable::release(std::span<const std::int32_t> slots) {
    if (slots.empty())
        return {};
    std::vector<Move> moves;
    moves.reserve(slots.size()); // the one thing that may throw, before anything changes
    for (const std::int32_t slot : slots)
        m_positions[static_cast<std::size_t>(slot)] = -1;
    std::erase_if(m_byAge,
                  [&](std::int32_t slot) { return m_positions[static_cast<std::size_t>(slot)] < 0; });
    fillHoles(moves);
    return moves;
}

// Rows behind the first n + 1 slots move into holes among them, one of which is left over.
void SlotTable::fillHoles(std::vector<Move>& moves) {
    const std::int64_t n = live(), extent = std::ssize(m_positions);
    std::int64_t hole = 0;
    const auto nextHole = [&] {
        while (hole < extent && m_positions[static_cast<std::size_t>(hole)] >= 0)
            ++hole;
    };
    nextHole();
    for (std::int64_t slot = n + 1; slot < extent; ++slot) {
        std::int64_t& position = m_positions[static_cast<std::size_t>(slot)];
        if (position < 0)
            continue;
        m_positions[static_cast<std::size_t>(hole)] = position;
        position = -1;
        moves.push_back({static_cast<std::int32_t>(slot), static_cast<std::int32_t>(hole)});
        nextHole();
    }
    m_next = std::min(hole, n);
    m_positions.resize(static_cast<std::size_t>(m_next < n ? n + 1 : n));
    if (!moves.empty())
        follow(moves);
}

// `moves` are ascending.
void SlotTable::follow(std::span<const Move> moves) {
    for (std::int32_t& slot : m_byAge) {
        const auto move = std::lower_bound(moves.begin(), moves.end(), slot,
                                           [](const Move& m, std::int32_t from) { return m.from < from; });
        if (move != moves.end() && move->from == slot)
            slot = move->to;
    }
    m_inOrder = std::is_sorted(m_byAge.begin(), m_byAge.end());
}

} // namespace fovea
