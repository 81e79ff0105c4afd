#pragma once
// A matrix as GPTQ checkpoints hold it: words of 32 bits in which codes follow each other from the lowest bit on, without
// regard for where a word ends.
//
// Format    of a matrix (out, in) under NAME:
//             NAME.qweight (in·b/32, out)        int32: a column is a string of bits of one output's codes
//             NAME.qzeros  (groups, out·b/32)    int32: a row is a string of bits of one group's zeros, each less 1 in
//                                                version 1
//             NAME.scales  (groups, out)         f16
//             NAME.g_idx   (in)                  int32: the group of each input; here ⌊i/g⌋, anything else is act-order
// Sources   the layout that GPTQ's authors' code packs (IST-DASLab/gptq, 3 bits) and AutoGPTQ and GPTQModel write
// Zeros     version 1 cannot say z = 0 without doubt: programs differ on whether z − 1 = −1, held as 2^b − 1, is 0 or 2^b

#include <ATen/core/Tensor.h>

#include <string>

#include "core/methods/quantise/coded_rows.h"

namespace fovea {

struct GptqWords {
    at::Tensor weights, zeros, scales, groups; // qweight, qzeros, scales, g_idx; the last undefined in older files
};

// Can a matrix of this shape be held so?
bool gptqHolds(int bits, std::int64_t rows, std::int64_t columns);
// Has a group the zero 0, which version 1 cannot say?
bool hasZeroOfNone(const CodedRows& rows);

// gptqHolds() must be true, and `lessOne` only where hasZeroOfNone() is not.
GptqWords gptqWords(const CodedRows& rows, bool lessOne);
// Of words with the shapes above. Throws std::invalid_argument, saying what is wrong with which of the four, for scales
// that are no finite numbers, a zero that cannot be told, and inputs in another order than the matrix's own.
CodedRows codedRows(const GptqWords& words, const RtnParams& rtn, std::int64_t columns, bool lessOne);

} // namespace fovea
