// core/kernels/cuda/reads.h in a build without nvcc.

#include "core/kernels/cuda/reads.h"

#include <stdexcept>

namespace fovea::cuda {

void chooseSparq(const SparqChoice&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

void chooseQuest(const QuestChoice&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

void chooseTopv(const TopvChoice&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
