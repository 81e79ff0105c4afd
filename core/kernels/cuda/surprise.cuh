#pragma once
// How surprising each text's token was: −ln softmax(logits)[token], in nats, as core/engine/generation.cpp has it.
//
// sumExponentials, grid (slices, rows)  Σ exp(logit − largest) of every 2,048 logits, in double
//   block    256 threads, each its every 256th logit; then a warp's lanes as a butterfly, one thread the warps in order, so
//            that the sum is the same in any order of threads
//   shared   a double per warp
//   reads    each logit once, 8 bytes a slice         writes  8 bytes a slice
// tellSurprises, grid (rows)            the slices' sums, and what they say of the token
//   block    one warp                                 reads   16 bytes a slice, a logit
// A logit that is no number makes it none either, which is how a broken model shows.
//   nvcc     13.0: 40 and 56 registers (sm_90; sm_80 29 and 56), none spilt

#include <cstring>

#include "core/kernels/cuda/sampling.cuh"

namespace fovea::cuda {

__device__ __forceinline__ double otherLane(double value, int lane) {
    std::uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = joined(shuffle(high(bits), lane), shuffle(low(bits), lane));
    memcpy(&value, &bits, sizeof value);
    return value;
}

// In every lane of the warp.
__device__ __forceinline__ double warpSum(double value) {
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
        value += otherLane(value, lane ^ distance);
    return value;
}

__global__ void __launch_bounds__(kSliceThreads) sumExponentials(ChooseArguments a) {
    constexpr int kWarps = kSliceThreads / kWarp;
    const int row = static_cast<int>(blockIdx.y), slice = static_cast<int>(blockIdx.x);
    const float* const logits = a.step.logits + static_cast<std::int64_t>(row) * a.step.vocabulary;
    const double largest = peakOfRow(a, row).logit;
    const int end = min((slice + 1) * kSliceLogits, a.step.vocabulary);
    double sum = 0;
    for (int i = slice * kSliceLogits + static_cast<int>(threadIdx.x); i < end; i += kSliceThreads)
        sum += exp(logits[i] - largest);
    sum = warpSum(sum);

    const Shared<double> ofWarps = sharedMemory().take<double>(kWarps);
    if (threadIdx.x % kWarp == 0)
        ofWarps[threadIdx.x / kWarp] = sum;
    blockSync();
    if (threadIdx.x != 0)
        return;
    for (int warp = 1; warp < kWarps; ++warp)
        sum += ofWarps[warp];
    a.sums[static_cast<std::int64_t>(row) * a.slices + slice] = sum;
}

__global__ void __launch_bounds__(kWarp) tellSurprises(ChooseArguments a) {
    const int row = static_cast<int>(blockIdx.x);
    const double largest = peakOfRow(a, row).logit;
    double sum = 0;
    for (int slice = static_cast<int>(threadIdx.x); slice < a.slices; slice += kWarp)
        sum += a.sums[static_cast<std::int64_t>(row) * a.slices + slice];
    sum = warpSum(sum);
    if (threadIdx.x != 0)
        return;
    const int token = a.step.tokens[row];
    const float logit = a.step.logits[static_cast<std::int64_t>(row) * a.step.vocabulary + token];
    a.step.surprises[row] = static_cast<float>(largest + log(sum) - logit);
}

} // namespace fovea::cuda
