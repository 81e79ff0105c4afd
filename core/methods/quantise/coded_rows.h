#pragma once
// A packed matrix taken apart into its codes, scales and zeros: for methods that choose codes otherwise than RTN does, and
// for files that hold the same numbers in another order.

#include <ATen/core/Tensor.h>

#include "core/methods/quantise/rtn.h"
#include "core/model/weight.h"

namespace fovea {

struct CodedRows {
    RtnParams rtn;     // not of zero=free, whose zeros are wider
    at::Tensor codes;  // (rows, columns) uint8, below 2^b
    at::Tensor scales; // (rows, groups) f16
    at::Tensor zeros;  // (rows, groups) uint8, below 2^b; of sym the middle
};

// In the layout of rtnRow (rtn.h).
Weight packRows(const CodedRows& rows);
// Of packed rows, not of zero=free.
CodedRows takeApart(const Weight& packed);
// x̂ (rows, columns) fp32
at::Tensor decodedRows(const CodedRows& rows);

} // namespace fovea
