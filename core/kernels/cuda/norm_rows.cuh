#pragma once
// RMS and layer norm of rows of fp32.
//
//   y = (x - m) / √(mean((x - m)²) + ε) · (gain + shift)        Zhang & Sennrich 2019 (m = 0); Ba et al. 2016
//
// normRows<T, kThreads>, grid (rows)
//   block    one row; 32 threads for rows of up to kNarrowRow, which need no barrier, else 256
//   thread   every kThreads-th element, so that a warp reads 128 bytes that lie together
//   shared   two floats per warp: its sums for the mean and for the squares
//   reads    x twice, of a layer norm three times, of which all but the first find it in the first-level cache
//            (a row of 8,192 is 32 KiB); gain once
//   writes   y once
//   limits   bound by latency, for one row is far too little work for a GPU
//   nvcc     13.0: 31 and 44 registers (sm_80, sm_90), none spilt

#include <cstdint>

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/reduce.cuh"

namespace fovea::cuda {

constexpr int kNarrowRow = 512;
constexpr int kNarrowThreads = kWarp, kWideThreads = 256;

// NormRows as the kernel wants it.
struct NormArguments {
    const void* gain;
    const float* x;
    float* y;
    float epsilon, shift;
    int n;
    bool centred;
};

template <int kThreads>
constexpr int kWarps = kThreads / kWarp;

// The sum over the block's threads, in every one of them. `room` has a float per warp, and serves one sum: a
// second one in the same place could overwrite what a slow warp has not read yet.
template <int kThreads>
__device__ __forceinline__ float blockSum(float value, const Shared<float>& room) {
    value = warpSum(value);
    if (kWarps<kThreads> == 1)
        return value;
    if (threadIdx.x % kWarp == 0)
        room[threadIdx.x / kWarp] = value;
    blockSync();
    float sum = 0.0f;
#pragma unroll
    for (int warp = 0; warp < kWarps<kThreads>; ++warp)
        sum += room[warp];
    return sum;
}

template <class T, int kThreads>
__global__ void __launch_bounds__(kThreads) normRows(NormArguments a) {
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * a.n;
    const float* x = a.x + row;
    const int first = static_cast<int>(threadIdx.x);
    SharedMemory shared = sharedMemory();
    const Shared<float> sums = shared.take<float>(kWarps<kThreads>);
    const Shared<float> squares = shared.take<float>(kWarps<kThreads>);

    float mean = 0.0f;
    if (a.centred) {
        float sum = 0.0f;
        for (int i = first; i < a.n; i += kThreads)
            sum += x[i];
        mean = blockSum<kThreads>(sum, sums) / static_cast<float>(a.n);
    }
    float square = 0.0f;
    for (int i = first; i < a.n; i += kThreads)
        square += (x[i] - mean) * (x[i] - mean);
    const float variance = blockSum<kThreads>(square, squares) / static_cast<float>(a.n);
    const float scale = 1.0f / sqrtf(variance + a.epsilon);

    // y may be x: from here on a thread touches its own elements alone.
    const T* gain = static_cast<const T*>(a.gain);
    for (int i = first; i < a.n; i += kThreads)
        a.y[row + i] = (x[i] - mean) * scale * (toFloat(gain[i]) + a.shift);
}

} // namespace fovea::cuda
