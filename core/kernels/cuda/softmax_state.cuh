#pragma once
// The state of a softmax over rows that stream past, in base 2: scores come multiplied by log2(e), so that exp becomes
// exp2, one instruction.

#include <simt.h>

#include "core/kernels/cuda/attend_tile.h"

namespace fovea::cuda {

// From natural logarithms to those of base 2, and back.
constexpr float kLog2E = 1.442695040888963407360f, kLn2 = 0.693147180559945309417f;

// Softmax over the rows seen so far, of one query head: a thread holds its own components of o.
struct SoftmaxState {
    float largest = -INFINITY; // m
    float sum = 0.0f;          // l
    float out[kElements] = {}; // o, not yet divided by l
};

// 2^(score - largest): the weight of a row; and, of a state whose maximum was `score`, the factor that brings
// its sums to the new maximum `largest`. -∞ stands for a row that is not live and for a state that has seen
// none: both weigh nothing, also where `largest` is -∞ and the difference NaN.
__device__ __forceinline__ float weightOf(float score, float largest) {
    return score == -INFINITY ? 0.0f : exp2f(score - largest);
}

// Online softmax (Milakov & Gimelshein 2018): the state moves to the new maximum, and one head's new scores
// become weights against it.
__device__ __forceinline__ void foldScores(float (&scores)[kRowsInFlight], SoftmaxState& state) {
    float largest = state.largest;
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r)
        largest = fmaxf(largest, scores[r]);
    const float carried = weightOf(state.largest, largest);
    state.largest = largest;
    state.sum *= carried;
#pragma unroll
    for (int e = 0; e < kElements; ++e)
        state.out[e] *= carried;
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r) {
        scores[r] = weightOf(scores[r], largest);
        state.sum += scores[r];
    }
}

} // namespace fovea::cuda
