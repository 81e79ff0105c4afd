// core/kernels/cuda/gemm.h in a build without nvcc.

#include "core/kernels/cuda/gemm.h"

#include <stdexcept>

namespace fovea::cuda {

void gemm(ElementType, const Gemv&, Stream, GemmUnits) {
    throw std::runtime_error(whyUnavailable());
}
void gemm(const PackedRows&, const Gemv&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void gemm(BlockType, const Gemv&, Stream) {
    throw std::runtime_error(whyUnavailable());
}
void gemm(const PackedRows&, const WholeVectors&, const Gemv&, Stream) {
    throw std::runtime_error(whyUnavailable());
}

} // namespace fovea::cuda
