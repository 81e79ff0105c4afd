#pragma once
// Launches the instances of prefill.cuh for one kind of rows.

#include "core/kernels/cuda/prefill.cuh"

namespace fovea::cuda {

template <class Rows, int kDim>
void launchTiles(const AttendPrompt& chunk, Stream stream) {
    static_assert(kPromptWarps == 4, "attendTiles reads four words of who saw what is not finite");
    static_assert(PromptTile<kDim>::kQueries == queryTileOf(kDim), "slotTiles counts in the same tiles");
    constexpr int kQueries = PromptTile<kDim>::kQueries;
    const dim3 grid(static_cast<unsigned>((chunk.queries + kQueries - 1) / kQueries),
                    static_cast<unsigned>(chunk.heads), static_cast<unsigned>(chunk.texts));
    launch(attendTiles<Rows, kDim>, grid, dim3(kPromptThreads), promptSharedBytes<kDim>(), stream, chunk);
}

// The least width that holds a head.
template <class Rows>
void chooseTileWidth(const AttendPrompt& chunk, Stream stream) {
    if (chunk.headDim <= 64)
        launchTiles<Rows, 64>(chunk, stream);
    else if (chunk.headDim <= 128)
        launchTiles<Rows, 128>(chunk, stream);
    else
        launchTiles<Rows, 256>(chunk, stream);
}

} // namespace fovea::cuda
