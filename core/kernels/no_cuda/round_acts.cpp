// core/kernels/cuda/round_acts.h in a build without nvcc.

#include "core/kernels/cuda/round_acts.h"

#include <stdexcept>

namespace fovea::cuda {

void roundActs(const RoundActs&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
