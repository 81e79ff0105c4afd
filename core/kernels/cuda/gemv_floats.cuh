#pragma once
// y = x·Wᵀ for rows of floats.
//
// multiplyFloats<T, kVectors, kRows, kLoads, kWords>, grid (tiles of 4·kRows rows, tiles of kVectors vectors)
//   block    128 threads: four warps that never meet
//   warp     kRows rows for kVectors vectors (gemv_rows.cuh)
//   lane     4 neighbouring columns of every 128: a word of W (16 bytes in f32, 8 in f16 and bf16) and one of 16
//            bytes of each x, so that both come in whole lines; where rows are no whole words, one column of
//            every 32. kLoads words of each row are asked for before the first is used
//   reads    each weight once per tile of vectors; x, kVectors·in floats per warp, from the first-level cache: of
//            its bandwidth (128 bytes a cycle) 1/kRows of what W takes per vector and twice that in 16 bits
//   writes   vectors·rows floats
//   work     2·in·rows·vectors flops, in fp32
//   nvcc     13.0: 42 to 144 registers (sm_80, sm_90), none spilt

#include "core/kernels/cuda/element.cuh"
#include "core/kernels/cuda/gemv_rows.cuh"

namespace fovea::cuda {

// What a lane loads of a row at once: kColumns elements, kept packed until they are used.
template <class T, bool kWords>
struct Columns;

template <class T>
struct Columns<T, false> {
    static constexpr int kCount = 1;
    T word;
};
template <>
struct Columns<float, true> {
    static constexpr int kCount = 4;
    uint4 word;
};
template <>
struct Columns<__half, true> {
    static constexpr int kCount = 4;
    uint2 word;
};
template <>
struct Columns<__nv_bfloat16, true> {
    static constexpr int kCount = 4;
    uint2 word;
};

template <class T>
__device__ __forceinline__ void load(const T* from, Columns<T, false>& to) {
    to.word = *from;
}
template <class T>
__device__ __forceinline__ void load(const T* from, Columns<T, true>& to) {
    to.word = loadOnce(reinterpret_cast<const decltype(to.word)*>(from));
}

template <class T>
__device__ __forceinline__ void widen(const Columns<T, false>& columns, float (&out)[1]) {
    out[0] = toFloat(columns.word);
}
template <class T>
__device__ __forceinline__ void widen(const Columns<T, true>& columns, float (&out)[4]) {
    const T* elements = reinterpret_cast<const T*>(&columns.word);
#pragma unroll
    for (int i = 0; i < 4; ++i)
        out[i] = toFloat(elements[i]);
}

__device__ __forceinline__ void loadVector(const float* x, float (&out)[1]) {
    out[0] = *x;
}
__device__ __forceinline__ void loadVector(const float* x, float (&out)[4]) {
    const float4 v = *reinterpret_cast<const float4*>(x);
    out[0] = v.x, out[1] = v.y, out[2] = v.z, out[3] = v.w;
}

template <class T, int kVectors, int kRows, int kLoads, bool kWords>
__global__ void __launch_bounds__(kGemvThreads) multiplyFloats(GemvArguments a) {
    using Mine = Columns<T, kWords>;
    constexpr std::int64_t kStep = Mine::kCount * kWarp;
    const RowTile<kRows> tile = tileOfWarp<kRows>(a);
    if (tile.live == 0)
        return;
    const T* const w = static_cast<const T*>(tile.product.w) + tile.first * a.in;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;

    float sums[kRows][kVectors] = {};
    for (std::int64_t first = lane * Mine::kCount; first < a.in; first += kLoads * kStep) {
        Mine words[kLoads][kRows] = {};
#pragma unroll
        for (int i = 0; i < kLoads; ++i)
#pragma unroll
            for (int r = 0; r < kRows; ++r)
                if (first + i * kStep < a.in && r < tile.live)
                    load(w + r * a.in + first + i * kStep, words[i][r]);
#pragma unroll
        for (int i = 0; i < kLoads; ++i) {
            if (first + i * kStep >= a.in)
                break;
            float weights[kRows][Mine::kCount];
#pragma unroll
            for (int r = 0; r < kRows; ++r)
                widen(words[i][r], weights[r]);
#pragma unroll
            for (int v = 0; v < kVectors; ++v) {
                float x[Mine::kCount];
                loadVector(vectorOf<kVectors>(a, v) + first + i * kStep, x);
#pragma unroll
                for (int r = 0; r < kRows; ++r)
#pragma unroll
                    for (int c = 0; c < Mine::kCount; ++c)
                        sums[r][v] = fmaf(weights[r][c], x[c], sums[r][v]);
            }
        }
    }
    writeSums<kRows, kVectors>(a, tile, sums);
}

} // namespace fovea::cuda
