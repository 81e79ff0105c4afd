// core/kernels/cuda/sampling.h in a build without nvcc.

#include <stdexcept>

#include "core/kernels/cuda/sampling.h"

namespace fovea::cuda {

void chooseTokens(const ChooseTokens&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
