// attend_span.cuh over rows of f32.

#include "core/kernels/cuda/attend_launch.cuh"
#include "core/kernels/cuda/float_rows.cuh"

namespace fovea::cuda {

template <int kLanes>
using F32Rows = FloatRows<float, kLanes>;

void spansOfF32(const SpanArguments& a, Stream stream) {
    if (a.list)
        return chooseLanes<F32Rows, true, false, false>(a, stream);
    chooseLanes<F32Rows, false, true, true>(a, stream);
}

} // namespace fovea::cuda
