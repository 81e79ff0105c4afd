// attend_span.cuh over rows of bf16.

#include "core/kernels/cuda/attend_launch.cuh"
#include "core/kernels/cuda/float_rows.cuh"

namespace fovea::cuda {

template <int kLanes>
using BF16Rows = FloatRows<__nv_bfloat16, kLanes>;

void spansOfBF16(const SpanArguments& a, Stream stream) {
    if (a.list)
        return chooseLanes<BF16Rows, true, false, false>(a, stream);
    chooseLanes<BF16Rows, false, true, true>(a, stream);
}

} // namespace fovea::cuda
