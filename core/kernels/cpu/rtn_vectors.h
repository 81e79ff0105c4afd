#pragma once
// The vectors of a product with packed rows, prepared once for all rows.

#include <cstdint>
#include <vector>

#include "core/kernels/cpu/line_allocator.h"

namespace fovea::cpu {

// Vectors that were rounded (core/methods/quantise/acts.h).
struct RoundedVectors {
    const float* whole = nullptr;  // (vectors, in): X; null where they were not
    const float* scales = nullptr; // (vectors): s
    bool wide = false;             // X leaves a signed byte
};

struct RtnVectors {
    const float* x = nullptr; // (vectors, in); x̂ where they were rounded
    RoundedVectors rounded;
    std::int64_t in = 0, vectors = 0, groups = 0;
    std::vector<float> sums; // (vectors, groups): Σ x, and room behind them

    // Where products are formed in bytes (rtn_digits-inl.h has the formula); else there are no digits.
    int digits = 0;         // of each activation: 3 of a float, 2 or 1 of a rounded one
    std::int64_t steps = 0; // whole ones, of 128
    std::vector<std::int8_t, LineAllocator<std::int8_t>>
        bytes;                 // (vectors, steps, digits, 128), the highest first
    std::vector<float> scales; // (vectors, steps), and room behind them

    const float* vector(std::int64_t i) const { return x + i * in; }
    const float* sumsOf(std::int64_t i) const { return sums.data() + i * groups; }
    const std::int8_t* bytesOf(std::int64_t i) const { return bytes.data() + i * steps * digits * 128; }
    const float* scalesOf(std::int64_t i) const { return scales.data() + i * steps; }
};

} // namespace fovea::cpu
