#pragma once
// Launches the instances of attend_span.cuh for one kind of rows. A file per kind, so that two cores compile them side by
// side, each in less than a minute.

#include "core/kernels/cuda/attend_span.cuh"

namespace fovea::cuda {

template <class Rows, int kLanes, int kGroup, bool kListed>
void launchSpans(const SpanArguments& a, Stream stream) {
    const unsigned tiles = static_cast<unsigned>((a.group + kGroup - 1) / kGroup);
    const dim3 grid(tiles, static_cast<unsigned>(a.splits), static_cast<unsigned>(a.owners * a.batch.count));
    launch(attendSpan<Rows, kLanes, kGroup, kListed>, grid, dim3(kAttendThreads),
           spanSharedBytes<kLanes, kGroup>(), stream, a);
}

template <class Rows, int kLanes, bool kListed, bool kPairs>
void chooseTile(const SpanArguments& a, Stream stream) {
    static_assert(kMaxQueryTile == 8, "one case per tile");
    const int tile = queryTile(a.group, kPairs);
    if (tile == 1)
        return launchSpans<Rows, kLanes, 1, kListed>(a, stream);
    if constexpr (kPairs)
        if (tile == 2)
            return launchSpans<Rows, kLanes, 2, kListed>(a, stream);
    if (tile == 4)
        return launchSpans<Rows, kLanes, 4, kListed>(a, stream);
    launchSpans<Rows, kLanes, 8, kListed>(a, stream);
}

// Lanes of a team: the least that hold a row, so that head widths of 32, 64, 96, 128, 256 and all between
// share three instances. What is not worth one of its own for eight lanes (kNarrow) has half of a wider team idle.
template <template <int> class Rows, bool kListed, bool kPairs, bool kNarrow>
void chooseLanes(const SpanArguments& a, Stream stream) {
    static_assert(kMaxHeadDim == 32 * kElements, "a warp holds the widest row");
    if constexpr (kNarrow)
        if (a.headDim <= 8 * kElements)
            return chooseTile<Rows<8>, 8, kListed, kPairs>(a, stream);
    if (a.headDim <= 16 * kElements)
        return chooseTile<Rows<16>, 16, kListed, kPairs>(a, stream);
    chooseTile<Rows<32>, 32, kListed, kPairs>(a, stream);
}

} // namespace fovea::cuda
