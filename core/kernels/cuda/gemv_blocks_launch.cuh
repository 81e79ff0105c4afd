#pragma once
// Picks the instance of gemv_blocks.cuh for the vectors. The types are shared out over two files, since nvcc takes its time
// for each.

#include "core/kernels/cuda/gemv_blocks.cuh"
#include "core/kernels/cuda/gemv_launch.cuh"

namespace fovea::cuda {

template <class Format, int kVectors>
void launchBlocks(const Gemv& step, Stream stream) {
    launchGemv<kBlockRows<kVectors>, kVectors>(multiplyBlocks<Format, kVectors>, step, stream);
}

template <BlockType kType>
void gemvBlocks(const Gemv& step, Stream stream) {
    static_assert(kMostVectors == 8, "one case per tile");
    using Format = BlockFormat<kType>;
    switch (vectorTile(step.vectors)) {
    case 1:
        return launchBlocks<Format, 1>(step, stream);
    case 2:
        return launchBlocks<Format, 2>(step, stream);
    case 4:
        return launchBlocks<Format, 4>(step, stream);
    default:
        return launchBlocks<Format, 8>(step, stream);
    }
}

} // namespace fovea::cuda
