#pragma once
// Which rows of codes the kernels of attention take.

#include <string>

#include "core/kernels/cuda/row_codes.h"

namespace fovea::cuda {

// Why they do not take these, in a sentence; empty when they do: 8, 4, 3 or 2 bits, groups as RowCodes has them, heads of
// a multiple of 8 components up to 256, of 16 at 3 bits.
std::string refuseCodedRows(const RowCodes& codes, int headDim);

} // namespace fovea::cuda
