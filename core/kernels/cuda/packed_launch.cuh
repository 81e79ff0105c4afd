#pragma once
// Picks the loader of packed codes of 4, 3 or 2 bits.

#include "core/kernels/cuda/attend_launch.cuh"
#include "core/kernels/cuda/coded_rows.cuh"

namespace fovea::cuda {

template <int kBits>
struct PackedRows {
    template <int kLanes>
    using OneGroup = CodedRows<kBits, 1, kLanes>;
    template <int kLanes>
    using Groups = CodedRows<kBits, 4, kLanes>;
};

// A thread's codes lie in one group where groups are as wide as the widest unit, or rows no wider than a group. Small
// groups, and lists, which are short, do with one loader and without the narrowest team.
template <int kBits>
void launchPacked(const SpanArguments& a, Stream stream) {
    if (a.list)
        return chooseLanes<PackedRows<kBits>::template Groups, true, false, false>(a, stream);
    if (a.codes.group >= 128 || a.headDim <= a.codes.group)
        return chooseLanes<PackedRows<kBits>::template OneGroup, false, false, true>(a, stream);
    chooseLanes<PackedRows<kBits>::template Groups, false, false, false>(a, stream);
}

} // namespace fovea::cuda
