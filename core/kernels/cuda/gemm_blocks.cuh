#pragma once
// Rows of GGUF's blocks as a loader of gemm_ordinary.cuh: 128 columns of each row, half a unit, become floats in shared
// memory, once for all vectors of a tile.
//
//   lane     eight weights of every eighth row, as decode has them (block_codes.cuh), in two stores of 16 bytes
//   type     chosen at run time, by a branch that all threads take alike before all columns of a step: one kernel for all types
//   reads    each byte of codes once per tile of vectors, but words that several lanes share
//   nvcc     13.0: 128 registers (sm_80, sm_90), none spilt

#include "core/kernels/cuda/block_codes.cuh"
#include "core/kernels/cuda/gemm_ordinary.cuh"

namespace fovea::cuda {

struct BlockWeights {
    static constexpr int kDepth = kBlockUnit / 2;

    BlockType type;

    __device__ __forceinline__ void load(const GemvArguments& a, const RowTile<kOrdinaryRows>& rows,
                                         std::int64_t first, Shared<float4> to) const {
        ofBlocks(type, [&](auto format) { loadColumns<decltype(format)>(a, rows, first, to); });
    }

private:
    template <class Format>
    __device__ __forceinline__ void loadColumns(const GemvArguments& a, const RowTile<kOrdinaryRows>& rows,
                                                std::int64_t first, Shared<float4> to) const {
        constexpr int kLanes = kWarp / 2;
        const int lane =
            static_cast<int>(threadIdx.x) % kLanes + static_cast<int>(first / kDepth % 2) * kLanes;
        const std::int64_t unit = first / kBlockUnit, rowBytes = a.in / Format::kWeights * Format::kBytes;
        const int column = Format::columnOf(lane) % kDepth; // from the first
        const unsigned char* const w =
            static_cast<const unsigned char*>(rows.product.w) + rows.first * rowBytes;
#pragma unroll 2
        for (int row = static_cast<int>(threadIdx.x) / kLanes; row < kOrdinaryRows;
             row += kGemvThreads / kLanes) {
            float4 weights[kRuns] = {make_float4(0, 0, 0, 0), make_float4(0, 0, 0, 0)};
            if (row < rows.live && first + column < a.in) {
                BlockWords words = {};
                Format::load(Format::blockOf(w + row * rowBytes, unit, lane), lane, words);
                unsigned runs[kRuns];
                Format::codes(words, lane, runs);
#pragma unroll
                for (int run = 0; run < kRuns; ++run)
                    weights[run] = decodedRun<Format>(runs[run], Format::scale(words, run));
            }
#pragma unroll
            for (int run = 0; run < kRuns; ++run)
                to[row * kRowFours<kDepth> + (column + run * Format::kApart) / 4] = weights[run];
        }
    }
};

} // namespace fovea::cuda
