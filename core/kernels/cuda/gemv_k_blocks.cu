// The instances of gemv_blocks.cuh of blocks of 256.

#include "core/kernels/cuda/gemv_blocks_launch.cuh"

namespace fovea::cuda {

template void gemvBlocks<BlockType::Q2_K>(const Gemv& step, Stream stream);
template void gemvBlocks<BlockType::Q3_K>(const Gemv& step, Stream stream);
template void gemvBlocks<BlockType::Q4_K>(const Gemv& step, Stream stream);
template void gemvBlocks<BlockType::Q5_K>(const Gemv& step, Stream stream);
template void gemvBlocks<BlockType::Q6_K>(const Gemv& step, Stream stream);

} // namespace fovea::cuda
