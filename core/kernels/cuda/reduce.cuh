#pragma once
// Sums and maxima over neighbouring lanes of a warp. Every lane of the warp must call, and every lane gets
// the result.

#include <simt.h>  // device/ when nvcc compiles, tests/support/simt/ when a test runs the kernel on the host

namespace fovea::cuda {

constexpr int kWarp = 32;

// Over teams of kLanes (a power of two) lanes. A butterfly: after step i each lane holds the sum of 2^(i+1)
// lanes.
template <int kLanes>
__device__ __forceinline__ float teamSum(float value) {
#pragma unroll
    for (int distance = kLanes / 2; distance > 0; distance /= 2)
        value += shuffleXor(value, distance);
    return value;
}

__device__ __forceinline__ float warpSum(float value) { return teamSum<kWarp>(value); }

__device__ __forceinline__ float warpMax(float value) {
#pragma unroll
    for (int distance = kWarp / 2; distance > 0; distance /= 2)
        value = fmaxf(value, shuffleXor(value, distance));
    return value;
}

}  // namespace fovea::cuda
