// core/kernels/cuda/kernels.h in a build without nvcc: says so.

#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {

bool available() {
    return false;
}

std::string whyUnavailable() {
    return "built without CUDA: " FOVEA_WHY_NO_CUDA;
}

int multiprocessors() {
    return 0;
}

} // namespace fovea::cuda
