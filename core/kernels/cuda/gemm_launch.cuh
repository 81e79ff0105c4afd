#pragma once
// The grid of a product of many vectors.

#include <stdexcept>

#include "core/kernels/cuda/gemm_ordinary.cuh"
#include "core/kernels/cuda/gemv_launch.cuh"

namespace fovea::cuda {

template <int kRows, class... Parameters, class... Arguments>
void launchGemm(void (*kernel)(Parameters...), std::size_t sharedBytes, const Gemv& step, Stream stream,
                Arguments... arguments) {
    std::int64_t tiles = 0;
    const GemvArguments a = inTiles<kRows>(step, tiles);
    launch(kernel, dim3(static_cast<unsigned>(tiles * tilesOfVectors(a))), dim3(kGemvThreads), sharedBytes,
           stream, a, arguments...);
}

template <class Weights>
void launchTiles(const Gemv& step, const Weights& weights, Stream stream) {
    launchGemm<kOrdinaryRows>(multiplyTiles<Weights>, tileSharedBytes<Weights>(), step, stream, weights);
}

} // namespace fovea::cuda
