#include "core/engine/turned_queries.h"

#include <algorithm>

#include "core/kernels/cpu/kernels.h"
#include "core/model/model_spec.h"

namespace fovea {

std::span<const cpu::TurnedSlots> TurnedQueries::of(const KeepRule& rule, const ModelSpec& spec, int layer,
                                                    const KvView& view, std::int64_t position,
                                                    std::span<const float> q) {
    findTurns(rule, view, position, m_turns);
    m_slots.clear();
    if (m_turns.empty())
        return {};
    m_queries.resize(m_turns.size() * q.size());
    m_angles.use(spec.ropeOf(layer), spec.rotated());
    for (const SlotTurn& turn : m_turns) {
        float* const turned = m_queries.data() + m_slots.size() * q.size();
        std::copy(q.begin(), q.end(), turned);
        m_angles.turnBy(turn.by);
        cpu::rope(turned, spec.queryHeads, spec.headDim, m_angles.cosines(), m_angles.sines());
        m_slots.push_back({turn.first, turn.last, turned});
    }
    return m_slots;
}

} // namespace fovea
