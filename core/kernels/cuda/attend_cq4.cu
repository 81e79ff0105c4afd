// attend_mixed.cuh over Coupled Quantisation's rows of four channels to a code.

#include "core/kernels/cuda/cq_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Cq4 = CqRows<4, kLanes>;

void spansOfCq4(const MixedSpan& a, Stream stream) {
    chooseMixed<Cq4>(a, stream);
}

} // namespace fovea::cuda
