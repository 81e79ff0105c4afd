// For a libtorch without at::scaled_dot_product_attention on a GPU. CMake knows which it is, and why.

#include <stdexcept>

#include "core/bench/torch_attention.h"

namespace fovea {

std::string whyNoTorchAttention() {
    return FOVEA_WHY_NO_TORCH_ATTENTION;
}

void queueTorchAttention(const TorchAttention&, cuda::Stream) {
    throw std::runtime_error(whyNoTorchAttention());
}

} // namespace fovea
