#pragma once
// RoPE of single rows at any position, forth and back: stores that code keys before RoPE (KVQuant, CQ) are given them after
// it, and turn what they read.
//
// Angles come from the two small tables of kernels/cpu/table_rows.h: cosines of every position would be as many bytes as
// keys themselves.

#include <cstdint>
#include <iterator>
#include <vector>

#include "core/kernels/cpu/table_rows.h"

namespace fovea {

struct ModelSpec;

class PositionTurn {
public:
    // Of one layer's RoPE, which must not change with the length of the text.
    PositionTurn(const ModelSpec& spec, int layer);

    // Of rows that are turned, and multiplied by the attention factor. Good for as long as this is.
    cpu::TurnTable forth() const {
        return {.half = m_half,
                .far = m_far.data(),
                .near = m_near.data(),
                .fars = m_half > 0 ? std::ssize(m_far) / (2 * m_half) : 0,
                .factor = m_factor};
    }
    // The inverse, of one row (d).
    void back(float* row, std::int64_t position) const;

private:
    std::int64_t m_half = 0; // pairs of components that turn
    float m_factor = 1;
    std::vector<float> m_far,
        m_near; // (positions / kTurnNear + 1, 2, half), times the factor; (kTurnNear, 2, half)
};

} // namespace fovea
