#include "core/engine/turned_queries.h"

#include <algorithm>
#include <cmath>

#include "core/kernels/cpu/kernels.h"
#include "core/model/model_spec.h"
#include "core/model/rope.h"

namespace fovea {

std::span<const cpu::TurnedSlots> TurnedQueries::of(const KeepRule& rule, const ModelSpec& spec, int layer,
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
    useRope(spec.ropeOf(layer), spec.rotated());
    for (std::size_t i = 0; i < m_slots.size(); ++i) {
        float* const turned = m_queries.data() + i * q.size();
        std::copy(q.begin(), q.end(), turned);
        for (std::size_t c = 0; c < m_frequency.size(); ++c) {
            const double angle = static_cast<double>(m_turns[i]) * m_frequency[c];
            m_cosine[c] = static_cast<float>(std::cos(angle));
            m_sine[c] = static_cast<float>(std::sin(angle));
        }
        cpu::rope(turned, spec.queryHeads, spec.headDim, m_cosine, m_sine);
        m_slots[i].q = turned;
    }
    return m_slots;
}

void TurnedQueries::useRope(const Rope& rope, int rotated) {
    if (!m_frequency.empty() && m_rope == rope)
        return;
    m_rope = rope;
    m_frequency = ropeTable(rope, rotated, /*length=*/0).frequency;
    m_cosine.resize(m_frequency.size());
    m_sine.resize(m_frequency.size());
}

} // namespace fovea
