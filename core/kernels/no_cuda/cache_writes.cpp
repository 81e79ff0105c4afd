// core/kernels/cuda/cache_writes.h in a build without nvcc.

#include "core/kernels/cuda/cache_writes.h"

#include <stdexcept>

namespace fovea::cuda {

void appendRows(const CacheAppend&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
