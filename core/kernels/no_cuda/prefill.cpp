// core/kernels/cuda/prefill.h in a build without nvcc.

#include <stdexcept>

#include "core/kernels/cuda/prefill.h"

namespace fovea::cuda {

void attendPrompt(const AttendPrompt&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void weighPrompt(const AttendPrompt&, float*, std::int64_t, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
