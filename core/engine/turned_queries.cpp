#include "core/engine/turned_queries.h"

#include <algorithm>

#include "core/kernels/cpu/kernels.h"
#include "core/model/model_spec.h"

namespace fovea {

std::span<const cpu::TurnedSlots> TurnedQueries::of(const KeepRule& rule, const ModelSpec& spec, int,
                                                    const KvView& view, std::int64_t position,
                                                    std::span<const float> q) {
    m_slots.clear();
    m_turns.clear();
    if (!rule.turns())
        return {};
    // Sinks came first and stay where they were put, so only the first slots can hold one.
    for (std::int64_t slot = 0; slot < std::min(rule.sinks, view.slots); ++slot) {
        const std::int64_t j = view.positions[slot];
        const std::int64_t turn = rule.distanceTo(position, j) - (position - j);
        if (j >= rule.sinks || turn == 0)
            continue;
        if (!m_slots.empty() && m_slots.back().last == slot && m_turns.back() == turn) {
            ++m_slots.back().last;
            continue;
        }
        m_slots.push_back({slot, slot + 1, nullptr});
        m_turns.push_back(turn);
    }
    m_queries.resize(m_slots.size() * q.size());
    for (std::size_t i = 0; i < m_slots.size(); ++i) {
        float* const turned = m_queries.data() + i * q.size();
        std::copy(q.begin(), q.end(), turned);
        cpu::rope(turned, spec.queryHeads, spec.headDim, m_turns[i], spec.ropeTheta);
        m_slots[i].q = turned;
    }
    return m_slots;
}

} // namespace fovea
