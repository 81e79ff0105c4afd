#pragma once
// PackedRows for what the CPU's side calls RtnParams, whose header is not C++17.

#include "core/kernels/cuda/gemv.h"
#include "core/methods/quantise/rtn.h"

namespace fovea::cuda {

inline PackedRows packedRowsOf(const RtnParams& rtn, std::int64_t columns) {
    const RtnRow row = rtnRow(rtn, columns);
    PackedRows packed;
    packed.bits = rtn.bits;
    packed.group = rtn.group;
    if (rtn.mode == RtnParams::Mode::Symmetric)
        packed.zeros = PackedRows::Zeros::Middle;
    else
        packed.zeros =
            rtn.zero == RtnParams::Zero::Free ? PackedRows::Zeros::Wide : PackedRows::Zeros::Packed;
    packed.zerosAt = row.zeros;
    packed.codesAt = row.codes;
    packed.bytes = row.bytes;
    return packed;
}

} // namespace fovea::cuda
