#pragma once
// Rows of a table of GGUF's blocks: an embedding's, by their tokens.
//
// embedBlocks, grid ⌈rows·n/8/256⌉, blocks of 256 threads
//   thread   eight weights of one row, as decode has them (block_codes.cuh): 32 neighbouring threads a unit of 256
//   reads    each byte of the rows once, but words that several threads share
//   writes   x once; where it is added to, reads it before
//   nvcc     13.0: 30 and 32 registers (sm_80, sm_90), none spilt

#include <cstdint>

#include "core/kernels/cuda/block_codes.cuh"
#include "core/kernels/cuda/element_steps.cuh"
#include "core/kernels/cuda/reduce.cuh"

namespace fovea::cuda {

struct EmbedBlocks {
    BlockType type;
    const void* table; // (count, n)
    int count;
    const int* indices; // (rows)
    float scale;
    bool adds; // to what x is
    float* x;  // (rows, n)
    int n;     // whole blocks
    std::int64_t rows;
};

template <class Format>
__device__ __forceinline__ void embedRuns(const EmbedBlocks& a, std::int64_t row, std::int64_t unit,
                                          int lane) {
    const std::int64_t column = unit * kBlockUnit + Format::columnOf(lane);
    if (column >= a.n)
        return;
    const int index = a.indices[row];
    const bool there = index >= 0 && index < a.count;
    BlockWords words = {};
    if (there)
        Format::load(Format::blockOf(static_cast<const unsigned char*>(a.table) +
                                         index * (a.n / Format::kWeights * std::int64_t{Format::kBytes}),
                                     unit, lane),
                     lane, words);
    unsigned runs[kRuns];
    Format::codes(words, lane, runs);
#pragma unroll
    for (int run = 0; run < kRuns; ++run) {
        const float4 decoded = decodedRun<Format>(runs[run], Format::scale(words, run));
        const float weights[kRunCodesOfBlock] = {decoded.x, decoded.y, decoded.z, decoded.w};
        float* const x = a.x + row * a.n + column + run * Format::kApart;
#pragma unroll
        for (int i = 0; i < kRunCodesOfBlock; ++i) {
            const float mine = there ? roundedProduct(weights[i], a.scale) : NAN;
            x[i] = a.adds ? x[i] + mine : mine;
        }
    }
}

__global__ void __launch_bounds__(kElementThreads) embedBlocks(EmbedBlocks a) {
    const std::int64_t units = (a.n + kBlockUnit - 1) / kBlockUnit;
    const std::int64_t i = elementOfThread(), row = i / (units * kWarp);
    if (row < a.rows)
        ofBlocks(a.type, [&](auto format) {
            embedRuns<decltype(format)>(a, row, i / kWarp % units, static_cast<int>(i % kWarp));
        });
}

} // namespace fovea::cuda
