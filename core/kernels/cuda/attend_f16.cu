// attend_span.cuh over rows of f16.

#include "core/kernels/cuda/attend_launch.cuh"
#include "core/kernels/cuda/float_rows.cuh"

namespace fovea::cuda {

template <int kLanes>
using F16Rows = FloatRows<__half, kLanes>;

void spansOfF16(const SpanArguments& a, Stream stream) {
    if (a.list)
        return chooseLanes<F16Rows, true, false, false>(a, stream);
    chooseLanes<F16Rows, false, true, true>(a, stream);
}

} // namespace fovea::cuda
