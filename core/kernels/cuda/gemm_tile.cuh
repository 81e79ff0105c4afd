#pragma once
// Which part of y a block of gemm.h has. A grid is tiles of rows by tiles of vectors in one dimension, tiles of the same
// rows side by side, so that the second-level cache has what they share of W.

#include <cstddef>
#include <cstdint>

#include "core/kernels/cuda/gemm.h"
#include "core/kernels/cuda/gemv_rows.cuh"

namespace fovea::cuda {

constexpr int kGemmStep = 32; // columns of x at a time

template <int kRows>
struct GemmTile {
    RowTile<kRows> rows;
    std::int64_t firstVector;
    int vectors; // live ones, up to kGemmVectors
};

__host__ __device__ inline std::int64_t tilesOfVectors(const GemvArguments& a) {
    return (a.vectors + kGemmVectors - 1) / kGemmVectors;
}

template <int kRows>
__device__ __forceinline__ GemmTile<kRows> gemmTile(const GemvArguments& a) {
    const auto across = static_cast<unsigned>(tilesOfVectors(a));
    GemmTile<kRows> mine;
    mine.rows = rowTile<kRows>(a, blockIdx.x / across);
    mine.firstVector = static_cast<std::int64_t>(blockIdx.x % across) * kGemmVectors;
    mine.vectors = static_cast<int>(min(a.vectors - mine.firstVector, std::int64_t{kGemmVectors}));
    return mine;
}

// Four components of one of the tile's vectors; zeros beyond them.
template <int kRows>
__device__ __forceinline__ float4 fourOfVector(const GemvArguments& a, const GemmTile<kRows>& tile,
                                               int vector, std::int64_t column) {
    if (vector >= tile.vectors || column >= a.in)
        return make_float4(0, 0, 0, 0);
    return *reinterpret_cast<const float4*>(a.x + (tile.firstVector + vector) * a.in + column);
}

template <int kRows>
__device__ __forceinline__ void writeProduct(const GemmTile<kRows>& tile, int vector, int row, float y) {
    if (vector < tile.vectors && row < tile.rows.live)
        tile.rows.product.y[(tile.firstVector + vector) * tile.rows.product.rows + tile.rows.first + row] = y;
}

} // namespace fovea::cuda
