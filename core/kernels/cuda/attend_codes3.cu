// attend_span.cuh over rows of codes of 3 bits.

#include "core/kernels/cuda/packed_launch.cuh"

namespace fovea::cuda {

void spansOfCodes3(const SpanArguments& a, Stream stream) {
    launchPacked<3>(a, stream);
}

} // namespace fovea::cuda
