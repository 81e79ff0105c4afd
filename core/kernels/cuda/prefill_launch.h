#pragma once
// What prefill.cu asks of prefill_matrix.cu, which is a file of its own for nvcc's sake.

#include "core/kernels/cuda/prefill.h"

namespace fovea::cuda {

// Rows of 16 bits, up to 128 wide.
void attendByMatrices(const AttendPrompt& chunk, Stream stream);

} // namespace fovea::cuda
