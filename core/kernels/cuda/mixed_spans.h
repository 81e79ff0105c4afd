#pragma once
// A step over rows of which some are exact (attend_mixed.cuh), and the launchers of its instances.

#include "core/kernels/cuda/mixed_rows.h"
#include "core/kernels/cuda/span_arguments.h"

namespace fovea::cuda {

struct MixedSpan {
    SpanArguments span;
    MixedBlocks mixed;
    ElementType type; // of exact rows
};

// Each queues attendMixed over all owners.
void spansOfKivi(const MixedSpan& a, Stream stream); // of 8 and 4 bits
void spansOfNarrowKivi(const MixedSpan& a, Stream stream);
void spansOfKvquant4(const MixedSpan& a, Stream stream); // bits
void spansOfKvquant3(const MixedSpan& a, Stream stream);
void spansOfKvquant2(const MixedSpan& a, Stream stream);
void spansOfCq1(const MixedSpan& a, Stream stream); // channels to a code
void spansOfCq2(const MixedSpan& a, Stream stream);
void spansOfCq4(const MixedSpan& a, Stream stream);
void spansOfCq8(const MixedSpan& a, Stream stream);

} // namespace fovea::cuda
