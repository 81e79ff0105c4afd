#pragma once
// Picks the instance of gemv_packed.cuh for the vectors and for where codes lie. The bits are shared out over several
// files, since nvcc takes its time for each.

#include "core/kernels/cuda/gemv_launch.cuh"
#include "core/kernels/cuda/gemv_packed.cuh"

namespace fovea::cuda {

template <int kBits, int kVectors, bool kWhole>
void launchBits(const PackedRows& rows, const Gemv& step, Stream stream) {
    launchGemv<kPackedRows, kVectors>(multiplyPacked<kBits, kVectors, kWhole>, step, stream, rows);
}

template <int kBits>
void gemvPacked(const PackedRows& rows, const Gemv& step, Stream stream) {
    static_assert(kMostVectors == 8, "one case per tile");
    if (!wholeWords(rows, step.in)) // rare, so of two tiles alone
        return step.vectors == 1 ? launchBits<kBits, 1, false>(rows, step, stream)
                                 : launchBits<kBits, kMostVectors, false>(rows, step, stream);
    switch (vectorTile(step.vectors)) {
    case 1:
        return launchBits<kBits, 1, true>(rows, step, stream);
    case 2:
        return launchBits<kBits, 2, true>(rows, step, stream);
    case 4:
        return launchBits<kBits, 4, true>(rows, step, stream);
    default:
        return launchBits<kBits, 8, true>(rows, step, stream);
    }
}

} // namespace fovea::cuda
