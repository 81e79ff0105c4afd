// Launches gemv_blocks.cuh: checks the limits, and picks the type; holds the instances of blocks of 32.

#include <stdexcept>

#include "core/kernels/cuda/gemv_blocks_launch.cuh"

namespace fovea::cuda {

extern template void gemvBlocks<BlockType::Q2_K>(const Gemv& step, Stream stream);
extern template void gemvBlocks<BlockType::Q3_K>(const Gemv& step, Stream stream);
extern template void gemvBlocks<BlockType::Q4_K>(const Gemv& step, Stream stream);
extern template void gemvBlocks<BlockType::Q5_K>(const Gemv& step, Stream stream);
extern template void gemvBlocks<BlockType::Q6_K>(const Gemv& step, Stream stream);

void gemv(BlockType type, const Gemv& step, Stream stream) {
    if (const std::string why = refusal(type, step); !why.empty())
        throw std::invalid_argument(why);
    switch (type) {
    case BlockType::Q4_0:
        return gemvBlocks<BlockType::Q4_0>(step, stream);
    case BlockType::Q4_1:
        return gemvBlocks<BlockType::Q4_1>(step, stream);
    case BlockType::Q5_0:
        return gemvBlocks<BlockType::Q5_0>(step, stream);
    case BlockType::Q5_1:
        return gemvBlocks<BlockType::Q5_1>(step, stream);
    case BlockType::Q8_0:
        return gemvBlocks<BlockType::Q8_0>(step, stream);
    case BlockType::Q2_K:
        return gemvBlocks<BlockType::Q2_K>(step, stream);
    case BlockType::Q3_K:
        return gemvBlocks<BlockType::Q3_K>(step, stream);
    case BlockType::Q4_K:
        return gemvBlocks<BlockType::Q4_K>(step, stream);
    case BlockType::Q5_K:
        return gemvBlocks<BlockType::Q5_K>(step, stream);
    case BlockType::Q6_K:
        return gemvBlocks<BlockType::Q6_K>(step, stream);
    case BlockType::None: // refused
        return;
    }
}

} // namespace fovea::cuda
