// core/kernels/cuda/model_kernels.h in a build without nvcc.

#include <stdexcept>

#include "core/kernels/cuda/model_kernels.h"

namespace fovea::cuda {

void norm(const NormRows&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void add(const AddRows&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void rope(const RopeRows&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void activate(const ActivateRows&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void softcap(const SoftcapRows&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void embed(const EmbedRows&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
