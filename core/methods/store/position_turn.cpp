#include "core/methods/store/position_turn.h"

#include <cmath>

#include "core/model/model_spec.h"
#include "core/model/rope.h"

namespace fovea {

namespace {

// Cosines and sines of 0, step, 2·step, …, times a factor.
std::vector<float> anglesOf(const RopeTable& rope, std::int64_t count, std::int64_t step, double factor) {
    std::vector<float> table;
    table.reserve(static_cast<std::size_t>(count) * 2 * rope.frequency.size());
    for (std::int64_t i = 0; i < count; ++i) {
        for (const double frequency : rope.frequency)
            table.push_back(static_cast<float>(factor * std::cos(static_cast<double>(i * step) * frequency)));
        for (const double frequency : rope.frequency)
            table.push_back(static_cast<float>(factor * std::sin(static_cast<double>(i * step) * frequency)));
    }
    return table;
}

} // namespace

PositionTurn::PositionTurn(const ModelSpec& spec, int layer) {
    if (spec.rotated() == 0)
        return;
    const RopeTable rope = ropeTable(spec.ropeOf(layer), spec.rotated(), 0);
    m_half = std::ssize(rope.frequency);
    m_factor = static_cast<float>(rope.attentionFactor);
    m_near = anglesOf(rope, cpu::kTurnNear, 1, 1);
    m_far = anglesOf(rope, spec.context / cpu::kTurnNear + 1, cpu::kTurnNear, rope.attentionFactor);
}

void PositionTurn::back(float* row, std::int64_t position) const {
    const std::int64_t far = position / cpu::kTurnNear, near = position % cpu::kTurnNear;
    const float *const farCos = m_far.data() + far * 2 * m_half, *const farSin = farCos + m_half;
    const float *const nearCos = m_near.data() + near * 2 * m_half, *const nearSin = nearCos + m_half;
    const float factor = 1 / (m_factor * m_factor); // one of them is in the table
    for (std::int64_t i = 0; i < m_half; ++i) {
        const float cosine = factor * (farCos[i] * nearCos[i] - farSin[i] * nearSin[i]);
        const float sine = factor * (farSin[i] * nearCos[i] + farCos[i] * nearSin[i]);
        const float x = row[i], y = row[m_half + i];
        row[i] = x * cosine + y * sine;
        row[m_half + i] = y * cosine - x * sine;
    }
}

} // namespace fovea
