// attend_mixed.cuh over Coupled Quantisation's rows of two channels to a code.

#include "core/kernels/cuda/cq_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Cq2 = CqRows<2, kLanes>;

void spansOfCq2(const MixedSpan& a, Stream stream) {
    chooseMixed<Cq2>(a, stream);
}

} // namespace fovea::cuda
