// attend_span.cuh over rows of codes of 4 bits.

#include "core/kernels/cuda/packed_launch.cuh"

namespace fovea::cuda {

void spansOfCodes4(const SpanArguments& a, Stream stream) {
    launchPacked<4>(a, stream);
}

} // namespace fovea::cuda
