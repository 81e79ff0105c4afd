// core/kernels/cuda/gemv.h in a build without nvcc.

#include <stdexcept>

#include "core/kernels/cuda/gemv.h"

namespace fovea::cuda {

void gemv(ElementType, const Gemv&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void gemv(const PackedRows&, const Gemv&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void gemv(BlockType, const Gemv&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void gemv(const PackedRows&, const WholeVectors&, const Gemv&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
