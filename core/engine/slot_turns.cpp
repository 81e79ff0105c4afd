#include "core/engine/slot_turns.h"

#include <algorithm>
#include <cmath>

#include "core/model/rope.h"

namespace fovea {

void findTurns(const KeepRule& rule, const KvView& view, std::int64_t position,
               std::vector<SlotTurn>& turns) {
    turns.clear();
    if (!rule.turns())
        return;
    // Sinks came first and stay where they were put, so only the first slots can hold one.
    for (std::int64_t slot = 0; slot < std::min(rule.sinks, view.slots); ++slot) {
        const std::int64_t j = view.positions[slot];
        const std::int64_t by = rule.distanceTo(position, j) - (position - j);
        if (j >= rule.sinks || by == 0)
            continue;
        if (!turns.empty() && turns.back().last == slot && turns.back().by == by)
            ++turns.back().last;
        else
            turns.push_back({slot, slot + 1, by});
    }
}

void TurnAngles::use(const Rope& rope, int rotated) {
    if (!m_frequency.empty() && m_rope == rope)
        return;
    m_rope = rope;
    m_frequency = ropeTable(rope, rotated, /*length=*/0).frequency;
    m_cosine.resize(m_frequency.size());
    m_sine.resize(m_frequency.size());
}

void TurnAngles::turnBy(std::int64_t positions) {
    for (std::size_t c = 0; c < m_frequency.size(); ++c) {
        const double angle = static_cast<double>(positions) * m_frequency[c];
        m_cosine[c] = static_cast<float>(std::cos(angle));
        m_sine[c] = static_cast<float>(std::sin(angle));
    }
}

} // namespace fovea
