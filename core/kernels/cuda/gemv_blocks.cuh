#pragma once
// y = x·Wᵀ for rows of GGUF's blocks as the file holds them, whose codes become numbers in registers.
//
//   y_i = Σ_g s_ig · Σ_{j in g} (q_ij - zero) · x_j - m_ig · Σ_{j in g} x_j        core/model/gguf_blocks.h
//
// multiplyBlocks<Format, kVectors>, grid (tiles of 4·kBlockRows rows, tiles of kVectors vectors)
//   block    128 threads: four warps that never meet
//   warp     kBlockRows rows for kVectors vectors (gemv_rows.cuh), a unit of 256 columns at a time; the codes of two
//            units are asked for before the first is used
//   lane     eight weights of a unit (block_codes.cuh) and the x that they meet. Scales meet sums of four products, minima
//            sums of four x, which are formed once for all rows
//   reads    each byte of codes once per tile of vectors, but words of Q2_K, Q3_K and Q6_K that several lanes share, which are
//            one transfer; scales from the first-level cache, where their blocks lie then
//   writes   vectors·rows floats
//   work     per weight some 3 to 4 instructions and one more for every further vector, half of the first taking codes apart:
//            bound by arithmetic, as gemv_packed.cuh (reasoned, not measured)
//   nvcc     13.0: 54 to 253 registers (sm_80, sm_90); of eight vectors some spill up to 8 bytes

#include "core/kernels/cuda/block_codes.cuh"
#include "core/kernels/cuda/gemv_rows.cuh"

namespace fovea::cuda {

template <int kVectors>
constexpr int kBlockRows = kVectors == 1 ? 2 : 4;
constexpr int kUnitsAhead = 2;

// One unit's share of a lane: eight weights of each row against the x they meet.
template <class Format, int kVectors, int kRows>
__device__ __forceinline__ void multiplyRuns(const GemvArguments& a, std::int64_t column, int lane,
                                             const BlockWords (&words)[kRows],
                                             float (&sums)[kRows][kVectors]) {
    float codes[kRows][kRuns][kRunCodesOfBlock];
    RunScale scales[kRows][kRuns];
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
        unsigned runs[kRuns];
        Format::codes(words[r], lane, runs);
#pragma unroll
        for (int run = 0; run < kRuns; ++run) {
            scales[r][run] = Format::scale(words[r], run);
#pragma unroll
            for (int i = 0; i < kRunCodesOfBlock; ++i)
                codes[r][run][i] = centredCode<Format>(runs[run], i);
        }
    }
#pragma unroll
    for (int v = 0; v < kVectors; ++v)
#pragma unroll
        for (int run = 0; run < kRuns; ++run) {
            const float4 x =
                *reinterpret_cast<const float4*>(vectorOf<kVectors>(a, v) + column + run * Format::kApart);
            const float all = x.x + x.y + (x.z + x.w);
#pragma unroll
            for (int r = 0; r < kRows; ++r) {
                const auto& q = codes[r][run];
                const float four = fmaf(q[3], x.w, fmaf(q[2], x.z, fmaf(q[1], x.y, q[0] * x.x)));
                sums[r][v] = fmaf(scales[r][run].scale, four, sums[r][v]);
                if (Format::kMinima)
                    sums[r][v] = fmaf(-scales[r][run].minimum, all, sums[r][v]);
            }
        }
}

template <class Format, int kVectors>
__global__ void __launch_bounds__(kGemvThreads) multiplyBlocks(GemvArguments a) {
    constexpr int kRows = kBlockRows<kVectors>;
    const RowTile<kRows> tile = tileOfWarp<kRows>(a);
    if (tile.live == 0)
        return;
    const std::int64_t rowBytes = a.in / Format::kWeights * Format::kBytes;
    const unsigned char* const w = static_cast<const unsigned char*>(tile.product.w) + tile.first * rowBytes;
    const int lane = static_cast<int>(threadIdx.x) % kWarp;
    const std::int64_t units = (a.in + kBlockUnit - 1) / kBlockUnit;
    const auto columnOf = [&](std::int64_t unit) { return unit * kBlockUnit + Format::columnOf(lane); };

    float sums[kRows][kVectors] = {};
    for (std::int64_t first = 0; first < units; first += kUnitsAhead) {
        BlockWords words[kUnitsAhead][kRows] = {};
#pragma unroll
        for (int i = 0; i < kUnitsAhead; ++i)
#pragma unroll
            for (int r = 0; r < kRows; ++r) // of the last unit some lanes have no block
                if (columnOf(first + i) < a.in && r < tile.live)
                    Format::load(Format::blockOf(w + r * rowBytes, first + i, lane), lane, words[i][r]);
#pragma unroll
        for (int i = 0; i < kUnitsAhead; ++i)
            if (columnOf(first + i) < a.in)
                multiplyRuns<Format, kVectors>(a, columnOf(first + i), lane, words[i], sums);
    }
    writeSums<kRows, kVectors>(a, tile, sums);
}

} // namespace fovea::cuda
