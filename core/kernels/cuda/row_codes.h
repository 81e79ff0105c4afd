#pragma once
// How rows of codes lie in a block: the RtnParams of core/cache/row_form.h in words that nvcc's C++17 understands.

namespace fovea::cuda {

struct RowCodes {
    int bits = 0;      // 8, 4, 3 or 2; 0: rows are floats
    int group = 128;   // components that share a scale: 32, 64 or a multiple of 128
    int zeroBytes = 1; // of a group: 1 clamped, 2 free (signed), 0 in sym, whose zero is 2^(bits - 1)
};

} // namespace fovea::cuda
