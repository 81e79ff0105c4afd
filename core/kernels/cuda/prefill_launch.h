#pragma once
// What prefill.cu asks of files of their own, which are so for nvcc's sake. It has checked the limits.

#include "core/kernels/cuda/prefill.h"

namespace fovea::cuda {

// Rows of 16 bits, up to 128 wide (prefill_matrix.cu).
void attendByMatrices(const AttendPrompt& chunk, Stream stream);
// Rows of codes (prefill_codes.cu).
void attendCodes(const AttendPrompt& chunk, Stream stream);

} // namespace fovea::cuda
