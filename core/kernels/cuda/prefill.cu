// Launches prefill.cuh: checks the limits, and picks the kernel, and the instance for the type and the head width.

#include "core/kernels/cuda/prefill.cuh"

#include <stdexcept>

#include "core/kernels/cuda/prefill_launch.h"

namespace fovea::cuda {
namespace {

template <class T, int kDim>
void launchTiles(const AttendPrompt& chunk, Stream stream) {
    static_assert(kPromptWarps == 4, "attendTiles reads four words of who saw what is not finite");
    static_assert(PromptTile<kDim>::kQueries == queryTileOf(kDim), "slotTiles counts in the same tiles");
    constexpr int kQueries = PromptTile<kDim>::kQueries;
    const dim3 grid(static_cast<unsigned>((chunk.queries + kQueries - 1) / kQueries),
                    static_cast<unsigned>(chunk.heads), static_cast<unsigned>(chunk.texts));
    launch(attendTiles<T, kDim>, grid, dim3(kPromptThreads), promptSharedBytes<kDim>(), stream, chunk);
}

} // namespace

void attendPrompt(const AttendPrompt& chunk, Stream stream) {
    if (const std::string why = refusal(chunk); !why.empty())
        throw std::invalid_argument(why);
    if (chunk.matrixUnits && chunk.type != ElementType::F32 && chunk.headDim <= 128)
        return attendByMatrices(chunk, stream);
    withElement(chunk.type, [&](auto element) {
        using T = decltype(element);
        if (chunk.headDim <= 64)
            launchTiles<T, 64>(chunk, stream);
        else if (chunk.headDim <= 128)
            launchTiles<T, 128>(chunk, stream);
        else
            launchTiles<T, 256>(chunk, stream);
    });
}

} // namespace fovea::cuda
