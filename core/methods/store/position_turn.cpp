#include "core/methods/store/position_turn.h"

#include <cmath>

#include "core/model/model_spec.h"
#include "core/model/rope.h"

namespace fovea {

namespace {

constexpr std::int64_t kNear = 128;

// Cosines and sines of 0, step, 2·step, …
std::vector<float> anglesOf(const RopeTable& rope, std::int64_t count, std::int64_t step) {
    std::vector<float> table;
    table.reserve(static_cast<std::size_t>(count) * 2 * rope.frequency.size());
    for (std::int64_t i = 0; i < count; ++i) {
        for (const double frequency : rope.frequency)
            table.push_back(static_cast<float>(std::cos(static_cast<double>(i * step) * frequency)));
        for (const double frequency : rope.frequency)
            table.push_back(static_cast<float>(std::sin(static_cast<double>(i * step) * frequency)));
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
    m_near = anglesOf(rope, kNear, 1);
    m_far = anglesOf(rope, spec.context / kNear + 1, kNear);
}

void PositionTurn::turn(float* row, std::int64_t position, float sign, float factor) const {
    const float *const farCos = m_far.data() + position / kNear * 2 * m_half, *const farSin = farCos + m_half;
    const float *const nearCos = m_near.data() + position % kNear * 2 * m_half, *const nearSin = nearCos + m_half;
    float *const a = row, *const b = row + m_half;
    for (std::int64_t i = 0; i < m_half; ++i) {
        const float cosine = factor * (farCos[i] * nearCos[i] - farSin[i] * nearSin[i]);
        const float sine = sign * factor * (farSin[i] * nearCos[i] + farCos[i] * nearSin[i]);
        const float x = a[i], y = b[i];
        a[i] = x * cosine - y * sine;
        b[i] = y * cosine + x * sine;
    }
}

void PositionTurn::forth(float* row, std::int64_t position) const {
    turn(row, position, 1, m_factor);
}

void PositionTurn::back(float* row, std::int64_t position) const {
    turn(row, position, -1, 1 / m_factor);
}

} // namespace fovea
