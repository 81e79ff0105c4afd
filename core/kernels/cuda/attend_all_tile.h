#pragma once
// The sizes that a block of attend_all.cuh works in, for the kernel, its launcher and splitsFor.

namespace fovea::cuda {

constexpr int kAttendThreads = 128;
constexpr int kElements = 8;      // components of a row that one thread holds
constexpr int kRowsInFlight = 4;  // rows whose loads a thread issues before it uses the first
constexpr int kMaxQueryTile = 8;  // query heads that share each load of K and V; more would spill registers

// Query heads per block for a group of H/G: the least of 1, 2, 4, 8 that holds it, so that the kernel exists
// four times and not once per group size. Heads past the group are computed on zeros and not written.
constexpr int queryTile(int group) {
    int tile = 1;
    while (tile < group && tile < kMaxQueryTile)
        tile *= 2;
    return tile;
}

}  // namespace fovea::cuda
