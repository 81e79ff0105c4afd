// Launches gemm_matrix.cuh and, for floats, gemm_ordinary.cuh: checks the limits, and picks the kernel.

#include "core/kernels/cuda/gemm_launch.cuh"
#include "core/kernels/cuda/gemm_matrix.cuh"

namespace fovea::cuda {
namespace {

template <class T>
void chooseUnits(const Gemv& step, GemmUnits units, Stream stream) {
    if constexpr (sizeof(T) == 2)
        if (units == GemmUnits::Matrix)
            return launchGemm<kMatrixRows>(multiplyByMatrices<T>, matrixTileBytes(), step, stream);
    launchTiles(step, FloatWeights<T>{}, stream);
}

} // namespace

void gemm(ElementType type, const Gemv& step, Stream stream, GemmUnits units) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
    if (step.in % (16 / elementBytes(type)) != 0)
        return gemv(type, step, stream);
    withElement(type, [&](auto element) { chooseUnits<decltype(element)>(step, units, stream); });
}

} // namespace fovea::cuda
