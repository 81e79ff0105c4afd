#pragma once
// How the rows of up to three matrices are dealt out to warps, and what a warp does with its sums. Shared by the
// kernels of floats (gemv_floats.cuh) and of packed rows (gemv_packed.cuh).
//
// A warp has kRows neighbouring rows of one matrix and kVectors vectors; its 32 lanes share the columns. Nothing
// is shared between warps: x, a few KiB per vector, comes from the first-level cache, so that there is no
// barrier and rows stream in without a pause. Lanes past the last vector compute the last one again, which is
// not written.
// Sums are by fmaf, not left to the compiler to contract, so that a vector's y is the same bits whatever the tile.

#include <cstdint>

#include "core/kernels/cuda/gemv.h"
#include "core/kernels/cuda/reduce.cuh"

namespace fovea::cuda {

constexpr int kGemvThreads = 128;
constexpr int kGemvWarps = kGemvThreads / kWarp;

// Gemv as the kernels want it.
struct GemvArguments {
    Product products[kMostProducts];
    std::int64_t tilesBefore[kMostProducts]; // of kRows rows, in the matrices before each
    int count;
    const float* x;
    std::int64_t in;
    std::int64_t vectors;
};

// The rows that are worked on together: one warp's, or one block's of gemm.h.
template <int kRows>
struct RowTile {
    Product product{};
    std::int64_t first = 0;
    int live = 0; // rows, up to kRows; 0 where there are none left
};

template <int kRows>
__device__ __forceinline__ RowTile<kRows> rowTile(const GemvArguments& a, std::int64_t tile) {
    RowTile<kRows> mine;
    mine.product = a.products[0];
    mine.first = tile * kRows;
#pragma unroll
    for (int i = 1; i < kMostProducts;
         ++i) { // by constant numbers: an argument that is indexed goes to memory
        if (i < a.count && tile >= a.tilesBefore[i]) {
            mine.product = a.products[i];
            mine.first = (tile - a.tilesBefore[i]) * kRows;
        }
    }
    const std::int64_t left = mine.product.rows - mine.first;
    mine.live = left <= 0 ? 0 : static_cast<int>(min(left, static_cast<std::int64_t>(kRows)));
    return mine;
}

template <int kRows>
__device__ __forceinline__ RowTile<kRows> tileOfWarp(const GemvArguments& a) {
    return rowTile<kRows>(a, static_cast<std::int64_t>(blockIdx.x) * kGemvWarps +
                                 static_cast<int>(threadIdx.x) / kWarp);
}

// Vector v of this block's kVectors.
template <int kVectors>
__device__ __forceinline__ const float* vectorOf(const GemvArguments& a, int v) {
    const std::int64_t vector = static_cast<std::int64_t>(blockIdx.y) * kVectors + v;
    return a.x + min(vector, a.vectors - 1) * a.in;
}

// y of the tile: each lane writes one of the sums, which all lanes have.
template <int kRows, int kVectors>
__device__ __forceinline__ void writeSums(const GemvArguments& a, const RowTile<kRows>& tile,
                                          float (&sums)[kRows][kVectors]) {
    static_assert(kRows * kVectors <= kWarp, "a lane for each sum");
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
#pragma unroll
        for (int v = 0; v < kVectors; ++v) {
            const float sum = warpSum(sums[r][v]);
            const std::int64_t vector = static_cast<std::int64_t>(blockIdx.y) * kVectors + v;
            if (lane == r * kVectors + v && r < tile.live && vector < a.vectors)
                tile.product.y[vector * tile.product.rows + tile.first + r] = sum;
        }
    }
}

} // namespace fovea::cuda
