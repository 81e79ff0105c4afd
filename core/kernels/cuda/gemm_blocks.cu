// Launches gemm_ordinary.cuh for GGUF's blocks: checks the limits.

#include "core/kernels/cuda/gemm_blocks.cuh"
#include "core/kernels/cuda/gemm_launch.cuh"

namespace fovea::cuda {

void gemm(BlockType type, const Gemv& step, Stream stream) {
    if (const std::string why = refusal(type, step); !why.empty())
        throw std::invalid_argument(why);
    launchTiles(step, BlockWeights{type}, stream);
}

} // namespace fovea::cuda
