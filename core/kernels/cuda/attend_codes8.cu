// attend_span.cuh over rows of codes of 8 bits, which lie in order, eight of a group to a thread.

#include "core/kernels/cuda/attend_launch.cuh"
#include "core/kernels/cuda/coded_rows.cuh"

namespace fovea::cuda {

template <int kLanes>
using ByteRows = CodedRows<8, 1, kLanes>;

void spansOfCodes8(const SpanArguments& a, Stream stream) {
    if (a.list)
        return chooseLanes<ByteRows, true, false, false>(a, stream);
    chooseLanes<ByteRows, false, false, true>(a, stream);
}

} // namespace fovea::cuda
