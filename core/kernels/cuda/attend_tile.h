#pragma once
// The sizes that a block of attend_span.cuh works in, for the kernel, its launchers and splitsFor.

namespace fovea::cuda {

constexpr int kAttendThreads = 128;
constexpr int kElements = 8;     // components of a row that one thread holds
constexpr int kRowsInFlight = 4; // rows of floats whose loads a thread issues before it uses the first
constexpr int kMaxQueryTile = 8; // query heads that share each load of K and V; more would spill registers

// Query heads per block for a group of H/G: the least of 1, 2, 4, 8 that holds it, so that the kernel exists
// four times and not once per group size. Heads past the group are computed on zeros and not written. `pairs`: is there an
// instance for two? Of coded rows and of lists there is none: four cost little more there.
constexpr int queryTile(int group, bool pairs) {
    int tile = 1;
    while (tile < group && tile < kMaxQueryTile)
        tile *= 2;
    return tile == 2 && !pairs ? 4 : tile;
}

// Thread blocks that a multiprocessor is to hold at least, which is what a thread's registers are dealt out by: left to
// itself nvcc spends all 255 on the loads of a single query head, and no other warp has any.
constexpr int leastBlocks(int tile) {
    return tile == 1 ? 4 : tile <= 4 ? 3 : 2;
}

} // namespace fovea::cuda
