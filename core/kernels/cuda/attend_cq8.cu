// attend_mixed.cuh over Coupled Quantisation's rows of eight channels to a code.

#include "core/kernels/cuda/cq_rows.cuh"
#include "core/kernels/cuda/mixed_spans.h"

namespace fovea::cuda {

template <int kLanes>
using Cq8 = CqRows<8, kLanes>;

void spansOfCq8(const MixedSpan& a, Stream stream) {
    chooseMixed<Cq8>(a, stream);
}

} // namespace fovea::cuda
