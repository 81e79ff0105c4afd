#pragma once
// Activations rounded on a machine, and what the formula of core/methods/quantise/acts.h makes of them.

#include <cstdint>
#include <string>
#include <vector>

#include "core/kernels/cuda/round_acts.h"
#include "tests/core/kernels/cuda/guarded.h"

namespace fovea::cuda {

// Not at all where bits is 0.
struct RoundedAs {
    int bits = 0;
    bool symmetric = false;
};

struct RoundedVector {
    std::vector<int> whole; // X
    int zero = 0;           // of the codes X + zero
    float scale = 0;
    float value(std::size_t i) const { return static_cast<float>(whole[i]) * scale; } // x̂
};
RoundedVector roundedByFormula(const RoundedAs& acts, const float* x, std::int64_t n);

// What roundActs leaves behind, in memory of a machine.
struct RoundedActs {
    // x (vectors, n), also as codes for rows of `weightBits` where these are not 0.
    RoundedActs(const RoundedAs& acts, const std::vector<float>& x, std::int64_t n, int weightBits,
                Stream stream);

    std::int64_t n, vectors;
    int weightBits;
    Guarded<float> rounded;
    Guarded<unsigned char> codes;
    Guarded<int> zeros;
    Guarded<float> scales;

    WholeVectors whole() const;
    // Throws where any of it is not what the formula gives, bit for bit, every code in its place.
    void check(const RoundedAs& acts, const std::vector<float>& x) const;
};

} // namespace fovea::cuda
