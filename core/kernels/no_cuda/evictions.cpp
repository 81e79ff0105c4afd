// core/kernels/cuda/evictions.h in a build without nvcc.

#include "core/kernels/cuda/evictions.h"

#include <stdexcept>

namespace fovea::cuda {

void hearRead(const HeardRead&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void dropLowest(const DropLowest&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
