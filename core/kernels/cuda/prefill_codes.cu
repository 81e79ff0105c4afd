// prefill.cuh over rows of codes.

#include "core/kernels/cuda/prefill_launch.h"
#include "core/kernels/cuda/prefill_tile_launch.cuh"

namespace fovea::cuda {

void attendCodes(const AttendPrompt& chunk, Stream stream) {
    switch (chunk.codes.bits) {
    case 8:
        return chooseTileWidth<CodedTiles<8>>(chunk, stream);
    case 4:
        return chooseTileWidth<CodedTiles<4>>(chunk, stream);
    case 3:
        return chooseTileWidth<CodedTiles<3>>(chunk, stream);
    default:
        chooseTileWidth<CodedTiles<2>>(chunk, stream);
    }
}

} // namespace fovea::cuda
