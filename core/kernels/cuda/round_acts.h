#pragma once
// Rounds vectors of activations on a GPU, each by itself and anew at every step, before they meet a layer's matrices
// (core/methods/quantise/acts.h has the formula). Truth: cpu::roundActs (core/kernels/cpu/kernels.h), whose X and s these are,
// bit for bit.
//
// All pointers are device memory. C++17.

#include <cstdint>
#include <string>

#include "core/kernels/cuda/gemv.h"
#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {

struct RoundActs {
    int bits = 8; // or 4
    bool symmetric = false;
    const float* x = nullptr; // (vectors, n)
    std::int64_t n = 0;
    std::int64_t vectors = 0;
    float* rounded = nullptr; // (vectors, n) x̂ = X·s, which may be x; of a vector with what is not finite NaN
    // The same for products of whole numbers by packed rows of `weightBits`, or null.
    WholeVectors whole;
    int weightBits = 8;
};

// Why a launch is not taken, in a sentence; empty when it is.
std::string refusal(const RoundActs& step);
// Queues the rounding on `stream` and returns. Throws std::invalid_argument with refusal()'s sentence, or
// std::runtime_error when there is no device.
void roundActs(const RoundActs& step, Stream stream);

} // namespace fovea::cuda
