#pragma once
// What leaves the attention kernels: an output row, and what a ReadReport asks for beside it.

#include <cstdint>

#include <simt.h>

#include "core/kernels/cuda/softmax_state.cuh"
#include "core/kernels/cuda/span_arguments.h"
#include "core/kernels/cuda/text_place.cuh"

namespace fovea::cuda {

// A query head among those of all texts and among its own text's, whose tables are so many words on (TextPlace).
struct OutputHead {
    std::int64_t head;
    int own;
    std::int64_t words;
};

// y = α·y + (1 − α)·v̄, v̄ = Σ v / S over what the head sees (SparQ, Algorithm 1), where it is asked for.
__device__ __forceinline__ float withMean(const SpanArguments& a, const OutputHead& at, int c, float y) {
    if (!a.alphas)
        return y;
    const int kvHead = at.own / a.headsPerKvHead;
    const std::int64_t tokens = a.meanTokens ? a.meanTokens[at.head] : a.slots[at.words + kvHead];
    const std::int64_t row = a.sumsPerHead ? at.own : kvHead;
    const float share = tokens > 0 ? 1.0f / static_cast<float>(tokens) : 0.0f;
    const float alpha = a.alphas[at.head];
    return alpha * y + (1.0f - alpha) * share * shifted(a.valueSums, at.words)[row * a.headDim + c];
}

// Component c of a head whose softmax state over all that it attends to is (largest, sum, out).
__device__ __forceinline__ void writeOutput(const SpanArguments& a, const OutputHead& at, int c,
                                            float largest, float sum, float out) {
    const std::int64_t head = at.head;
    if (a.knownTops) {
        const float all = a.knownSums[head];
        a.out[head * a.headDim + c] =
            all == 0.0f ? 0.0f : out * weightOf(largest, a.knownTops[head] * kLog2E) / all;
        return;
    }
    a.out[head * a.headDim + c] = withMean(a, at, c, sum == 0.0f ? 0.0f : out / sum);
    if (a.tops && c == 0) {
        a.tops[head] = largest * kLn2;
        a.sums[head] = sum;
    }
}

} // namespace fovea::cuda
