#pragma once
// Runs of a matrix's rows times vectors, on the calling thread: what products.cpp makes tasks of. y (vectors, out), of
// which the rows [first, last) are written.

#include <cstdint>

#include "core/kernels/cpu/kernels.h"
#include "core/kernels/cpu/rtn_vectors.h"

namespace fovea::cpu {

void gemvRows(ElementType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
              std::int64_t first, std::int64_t last, std::int64_t vectors);

// Weights of a block that share a minimum, which needs Σ x of as many; 0 where a type has none.
int minimumGroup(BlockType type);
// One vector; sums (in / minimumGroup) of it.
void gemvBlockRows(BlockType type, const void* w, const float* x, const float* sums, float* y,
                   std::int64_t first, std::int64_t last, std::int64_t in);

// Once for all matrices of this form, from x, in, vectors and, where they were rounded, `rounded`.
void prepareRtn(const RtnParams& rtn, RtnVectors& vectors);
void gemvRtnRows(const RtnParams& rtn, const void* w, const RtnVectors& vectors, float* y, std::int64_t out,
                 std::int64_t first, std::int64_t last);

} // namespace fovea::cpu
