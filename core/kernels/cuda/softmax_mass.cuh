#pragma once
// The mass of softmaxes over logits that are kept: m, the largest, and l = Σ exp(logit - m); by span, and of
// spans together. Logits are natural ones, as everywhere outside a kernel.

#include <cstdint>

#include "core/kernels/cuda/reduce.cuh"
#include "core/kernels/cuda/softmax_state.cuh"

namespace fovea::cuda {

// exp(logit - top): what a token weighs before the sum is divided out; and the factor that brings sums taken at
// `logit` as their maximum to `top`. -∞ weighs nothing, also where `top` is -∞.
__device__ __forceinline__ float massOf(float logit, float top) {
    return logit == -INFINITY ? 0.0f : exp2f((logit - top) * kLog2E);
}

// c·tanh(logit/c); c = 0: the logit as it is (Gemma 2, arXiv 2408.00118, Section 2).
__device__ __forceinline__ float capped(float logit, float cap) {
    return cap == 0.0f ? logit : cap * tanhf(logit / cap);
}

// The (m, l) of a block's logits, n of each query head in every thread, -∞ where there is none: head h's goes to
// mass[h·stride]. tops and sums (kGroup, kWarps) are the block's. One barrier.
template <int kWarps, int kGroup, int kCount>
__device__ __forceinline__ void writeMass(const float (&logits)[kGroup][kCount], int heads,
                                          Shared<float> tops, Shared<float> sums, float2* mass,
                                          std::int64_t stride) {
    const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
#pragma unroll
    for (int h = 0; h < kGroup; ++h) {
        float top = -INFINITY, sum = 0.0f;
#pragma unroll
        for (int i = 0; i < kCount; ++i)
            top = fmaxf(top, logits[h][i]);
        top = warpMax(top);
#pragma unroll
        for (int i = 0; i < kCount; ++i)
            sum += massOf(logits[h][i], top);
        sum = warpSum(sum);
        if (lane == 0) {
            tops[h * kWarps + warp] = top;
            sums[h * kWarps + warp] = sum;
        }
    }
    blockSync();
    if (thread < heads) {
        float top = -INFINITY, sum = 0.0f;
        for (int w = 0; w < kWarps; ++w)
            top = fmaxf(top, tops[thread * kWarps + w]);
        for (int w = 0; w < kWarps; ++w)
            sum += sums[thread * kWarps + w] * massOf(tops[thread * kWarps + w], top);
        mass[thread * stride] = make_float2(top, sum);
    }
}

// The (m, l) of spans together, for a whole warp.
__device__ __forceinline__ float2 mergedMass(const float2* spans, int count, int lane) {
    float top = -INFINITY, sum = 0.0f;
    for (int s = lane; s < count; s += kWarp)
        top = fmaxf(top, spans[s].x);
    top = warpMax(top);
    for (int s = lane; s < count; s += kWarp)
        sum += spans[s].y * massOf(spans[s].x, top);
    return make_float2(top, warpSum(sum));
}

} // namespace fovea::cuda
