#pragma once
// RoPE of single rows at any position, forth and back: stores that code keys before RoPE (KVQuant, CQ) are given them after
// it, and turn what they read.
//
// Angles of position p = 128·i + j are those of 128·i and of j together, cos(a + b) = cos a·cos b − sin a·sin b, from two
// small tables: cosines of every position would be as many bytes as keys themselves.

#include <cstdint>
#include <vector>

namespace fovea {

struct ModelSpec;

class PositionTurn {
public:
    // Of one layer's RoPE, which must not change with the length of the text.
    PositionTurn(const ModelSpec& spec, int layer);

    // row (d), turned and multiplied by the attention factor.
    void forth(float* row, std::int64_t position) const;
    // The inverse.
    void back(float* row, std::int64_t position) const;

private:
    void turn(float* row, std::int64_t position, float sign, float factor) const;

    std::int64_t m_half = 0; // pairs of components that turn
    float m_factor = 1;
    std::vector<float> m_far, m_near; // (positions / 128, 2, half), (128, 2, half): cosines, sines
};

} // namespace fovea
