#pragma once
// The steps between a model's matrices that touch each element alone. A thread makes one element (of RoPE one
// pair) and no two threads meet, so there is no barrier and no shared memory; neighbouring threads have
// neighbouring elements, so a warp's loads and stores are whole runs of 128 bytes. Each array is read and
// written once: these are bound by launch latency for a token and by bandwidth for a prompt.
//
// All: grid ⌈elements/256⌉, blocks of 256 threads
//   addElements<T>      y += addend                   (12 bytes an element in f32)
//   turnPairs           one pair of components by its angle; 16 bytes a pair, and the angles
//   activateElements    x = f(x)·times
//   capElements         x = c·tanh(x/c)
//   embedElements<T, P> x = table[token]·scale + positions[position]
//   nvcc                13.0: 10 to 28 registers (sm_80, sm_90), none spilt

#include <cstdint>

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/model_kernels.h"

namespace fovea::cuda {

constexpr int kElementThreads = 256;

__device__ __forceinline__ std::int64_t elementOfThread() {
    return static_cast<std::int64_t>(blockIdx.x) * kElementThreads + threadIdx.x;
}

template <class T>
__global__ void __launch_bounds__(kElementThreads)
    addElements(const T* addend, float* y, std::int64_t n, std::int64_t addends) {
    const std::int64_t i = elementOfThread();
    if (i < n)
        y[i] +=
            toFloat(addend[addends == n ? i : i % addends]); // a 64-bit division takes as long as the load
}

__global__ void __launch_bounds__(kElementThreads) turnPairs(RopeRows a) {
    const std::int64_t i = elementOfThread();
    if (i >= a.rows * a.heads * a.pairs)
        return;
    const std::int64_t head = i / a.pairs, row = head / a.heads;
    const std::int64_t pair = i % a.pairs, angle = row * a.pairs + pair;
    float* const x = a.x + head * a.headDim + pair;
    const float left = x[0], right = x[a.pairs], c = a.cosine[angle], s = a.sine[angle];
    x[0] = left * c - right * s;
    x[a.pairs] = right * c + left * s;
}

// x·σ(u). Beyond e^88 the quotient is 0 anyway, and the exponential would leave the range of fp32.
__device__ __forceinline__ float timesSigmoid(float x, float u) {
    const float e = expf(u < -88.0f ? 88.0f : -u);
    return x / (1.0f + e);
}

template <Activation kActivation>
__device__ __forceinline__ float activated(float x) {
    switch (kActivation) {
    case Activation::Silu:
        return timesSigmoid(x, x);
    // x·Φ(x), by erfc, which keeps the digits of what is small on the left.
    case Activation::Gelu:
        return 0.5f * x * erfcf(x * -0.70710678118f);
    // ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) is x·σ of twice the argument (Hendrycks and Gimpel, arXiv
    // 1606.08415).
    case Activation::GeluTanh:
        return timesSigmoid(x, 1.5957691216f * (x + 0.044715f * x * x * x));
    case Activation::Relu:
        return x < 0.0f ? 0.0f : x; // NaN stays
    }
    return x;
}

template <Activation kActivation>
__global__ void __launch_bounds__(kElementThreads)
    activateElements(float* x, const float* times, std::int64_t n) {
    const std::int64_t i = elementOfThread();
    if (i < n)
        x[i] = activated<kActivation>(x[i]) * (times ? times[i] : 1.0f);
}

__global__ void __launch_bounds__(kElementThreads) capElements(float* x, std::int64_t n, float cap) {
    const std::int64_t i = elementOfThread();
    if (i < n)
        x[i] = cap * tanhf(x[i] / cap);
}

template <class T>
__device__ __forceinline__ float elementOfTable(const void* table, int rows, int row, std::int64_t n,
                                                std::int64_t column) {
    return row >= 0 && row < rows ? toFloat(static_cast<const T*>(table)[row * n + column]) : NAN;
}

template <class T, class P>
__global__ void __launch_bounds__(kElementThreads) embedElements(EmbedRows a) {
    const std::int64_t i = elementOfThread();
    if (i >= a.rows * a.n)
        return;
    const std::int64_t row = i / a.n, column = i % a.n;
    float x = elementOfTable<T>(a.table, a.vocabulary, a.tokens[row], a.n, column) * a.scale;
    if (a.positionTable)
        x += elementOfTable<P>(a.positionTable, a.context, a.positions[row], a.n, column);
    a.x[i] = x;
}

} // namespace fovea::cuda
