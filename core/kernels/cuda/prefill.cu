// Launches prefill.cuh: checks the limits, and picks the kernel, and the instance for the type and the head width.

#include <stdexcept>

#include "core/kernels/cuda/prefill_launch.h"
#include "core/kernels/cuda/prefill_tile_launch.cuh"

namespace fovea::cuda {

void attendPrompt(const AttendPrompt& chunk, Stream stream) {
    if (const std::string why = refusal(chunk); !why.empty())
        throw std::invalid_argument(why);
    if (chunk.codes.bits != 0)
        return attendCodes(chunk, stream);
    if (chunk.matrixUnits && chunk.type != ElementType::F32 && chunk.headDim <= 128)
        return attendByMatrices(chunk, stream);
    withElement(chunk.type,
                [&](auto element) { chooseTileWidth<FloatTiles<decltype(element)>>(chunk, stream); });
}

} // namespace fovea::cuda
