// attend_mixed.cuh over Coupled Quantisation's rows of one channel to a code.

#include "core/kernels/cuda/cq_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Cq1 = CqRows<1, kLanes>;

void spansOfCq1(const MixedSpan& a, Stream stream) {
    chooseMixed<Cq1>(a, stream);
}

} // namespace fovea::cuda
