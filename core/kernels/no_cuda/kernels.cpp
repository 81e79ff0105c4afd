// core/kernels/cuda/kernels.h in a build without nvcc: says so, and refuses to run. What needs no GPU
// (attend_all_shape.cpp) is the same in both builds.

#include <stdexcept>

#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {

bool available() { return false; }

std::string whyUnavailable() { return "built without CUDA: " FOVEA_WHY_NO_CUDA; }

int multiprocessors() { return 0; }

void attendAll(const AttendAll&, Stream) { throw std::runtime_error(whyUnavailable()); }

}  // namespace fovea::cuda
