// attend_span.cuh over rows of codes of 2 bits.

#include "core/kernels/cuda/packed_launch.cuh"

namespace fovea::cuda {

void spansOfCodes2(const SpanArguments& a, Stream stream) {
    launchPacked<2>(a, stream);
}

} // namespace fovea::cuda
