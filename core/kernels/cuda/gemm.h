#pragma once
// y = x·Wᵀ of many vectors on a GPU, as prompts have them: bound by arithmetic, so tiles of vectors meet tiles of rows in
// shared memory, and W is read once per tile of vectors.
//
// Truth: cpu::multiply (core/kernels/cpu/kernels.h); unpackRtn for packed rows, decodeBlocks for GGUF's blocks. All pointers are device memory.
// C++17.

#include "core/kernels/cuda/gemv.h"

namespace fovea::cuda {

constexpr int kGemmVectors = 64; // of a tile

// Rows of 16 bits are multiplied by matrix units, vectors in two halves: within some 2^-18 of each product (f16: 2^-22) of
// fp32, which else is what all is computed in. In f16 what a vector holds must then be below 65504: more gives no number.
enum class GemmUnits : std::uint8_t { Matrix, Ordinary };

// Queues y = x·Wᵀ on `stream` and returns; what is refused and thrown is gemv's. Rows that are no whole words (`in` no
// multiple of 4, of 16 bits of 8) are gemv's too. A vector's y does not depend on what is multiplied beside it.
void gemm(ElementType type, const Gemv& step, Stream stream, GemmUnits units = GemmUnits::Matrix);
void gemm(const PackedRows& rows, const Gemv& step, Stream stream);
void gemm(BlockType type, const Gemv& step, Stream stream);
// Of whole numbers, whose sums within a group are exact; step.x is x̂, which is multiplied where rows are no whole units.
void gemm(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream);

} // namespace fovea::cuda
