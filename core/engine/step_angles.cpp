#include "core/engine/step_angles.h"

#include <algorithm>
#include <cmath>

namespace fovea {

StepAngles::StepAngles(const ModelSpec& spec) : m_rotated(spec.rotated()) {
    for (int layer = 0; layer < spec.layers; ++layer) {
        const Rope& rope = spec.ropeOf(layer);
        const auto known = std::find_if(m_shared.begin(), m_shared.end(),
                                        [&](const Shared& shared) { return *shared.rope == rope; });
        m_ofLayer.push_back(static_cast<std::size_t>(known - m_shared.begin()));
        if (known == m_shared.end())
            m_shared.push_back({&rope, m_rotated > 0 ? ropeTable(rope, m_rotated, 0) : RopeTable{}, {}, {}});
    }
    for (Shared& shared : m_shared) {
        shared.cosine.resize(shared.table.frequency.size());
        shared.sine.resize(shared.table.frequency.size());
    }
}

void StepAngles::moveTo(std::int64_t position, std::int64_t length) {
    for (Shared& shared : m_shared) {
        if (shared.rope->scaling.kind == RopeScaling::Kind::Dynamic && m_rotated > 0)
            shared.table = ropeTable(*shared.rope, m_rotated, length);
        for (std::size_t i = 0; i < shared.table.frequency.size(); ++i) {
            // In double: at position 32,768 an fp32 angle is off by thousandths of a radian.
            const double angle = static_cast<double>(position) * shared.table.frequency[i];
            shared.cosine[i] = static_cast<float>(std::cos(angle) * shared.table.attentionFactor);
            shared.sine[i] = static_cast<float>(std::sin(angle) * shared.table.attentionFactor);
        }
    }
}

} // namespace fovea
