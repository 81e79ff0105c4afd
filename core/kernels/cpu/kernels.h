#pragma once
// The CPU kernels: Google Highway with run-time dispatch, raw pointers and sizes. Decode is bound by memory, so
// each kernel is one pass over what its method must read. Inner loops work on contiguous spans of one block;
// attention.h puts them together and counts.

#include <cstdint>

#include "core/cache/element_type.h"
#include "core/model/block_type.h"

namespace fovea::cpu {

// y (out) = W (out, in) · x (in), rows [0, out) split over threads.
void gemv(ElementType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in);
// The same with W in GGUF blocks, decoded as they are read; `in` a multiple of a block's weights.
void gemv(BlockType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in);
// y = x / rms(x) * gain, gain (n) of `type`.
void rmsNorm(ElementType type, const void* gain, const float* x, float* y, std::int64_t n, float epsilon);
// heads (n, d): rotates component i with i + d/2 by position · theta^(-2i/d).
void rope(float* heads, int n, int d, std::int64_t position, float theta);
// gate = silu(gate) * up
void swiglu(float* gate, const float* up, std::int64_t n);
// dst (n) of `type` = src (n), round to nearest even.
void convert(ElementType type, const float* src, void* dst, std::int64_t n);
// dst (n) fp32 = src (n) of `type`.
void widen(ElementType type, const void* src, float* dst, std::int64_t n);
// The same of blocks; n a multiple of a block's weights.
void widen(BlockType type, const void* src, float* dst, std::int64_t n);

// The instruction set that dispatch chose, "AVX3", "AVX2", …
const char* instructionSet();

}  // namespace fovea::cpu
