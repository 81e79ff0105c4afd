#pragma once
// Picks the instance of gemv_whole.cuh for the vectors and for where codes lie. The bits are shared out over two files, since
// nvcc takes its time for each.

#include "core/kernels/cuda/gemv_launch.cuh"
#include "core/kernels/cuda/gemv_whole.cuh"

namespace fovea::cuda {

template <int kBits, int kVectors, bool kWords>
void launchWhole(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream) {
    launchGemv<kPackedRows, kVectors>(multiplyWhole<kBits, kVectors, kWords>, step, stream, rows, by);
}

template <int kBits>
void gemvWhole(const PackedRows& rows, const WholeVectors& by, const Gemv& step, Stream stream) {
    static_assert(kMostVectors == 8, "one case per tile");
    if (!wholeWords(rows, step.in)) // rare, so of two tiles alone
        return step.vectors == 1 ? launchWhole<kBits, 1, false>(rows, by, step, stream)
                                 : launchWhole<kBits, kMostVectors, false>(rows, by, step, stream);
    switch (vectorTile(step.vectors)) {
    case 1:
        return launchWhole<kBits, 1, true>(rows, by, step, stream);
    case 2:
        return launchWhole<kBits, 2, true>(rows, by, step, stream);
    case 4:
        return launchWhole<kBits, 4, true>(rows, by, step, stream);
    default:
        return launchWhole<kBits, 8, true>(rows, by, step, stream);
    }
}

} // namespace fovea::cuda
