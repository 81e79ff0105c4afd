#pragma once
// Slots of mixed rows (mixed_rows.h) that are met by queries of their own (attend_turned.h), one query head a block.
//
// Codes and exact rows alike are met by the turned query: what was coded before RoPE is turned by its own position as it
// is read, and (R(Δ)·q)·(R(p)·k) is what the slot is to score. So a slot's query goes through the loader's own Queries, which
// the whole block fills; its first warp then meets the row.

#include "core/kernels/cuda/attend_mixed.cuh"
#include "core/kernels/cuda/attend_turned.h"

namespace fovea::cuda {

// `all.span.q` of these kernels is (count, H, d): the query of slot `i` and `head` is that of head i·H + head.
template <class Rows>
constexpr std::size_t turnedMixedBytes() {
    return Rows::template Queries<1>::kSharedBytes;
}

// Where a turned slot lies in one KV head.
struct TurnedPlace {
    std::int64_t block; // of the tables
    int slot, row;
    bool live;
};
__device__ __forceinline__ TurnedPlace turnedPlace(const SpanArguments& a, int kvHead, int slot) {
    const int block = slot / a.slotsPerBlock;
    return {kvHead * a.blocksPerHead + block, slot, slot - block * a.slotsPerBlock, slot < a.slots[kvHead]};
}

// all.span.queryScale·q·k of turned slot `i`, in the lanes of the first warp. By the whole block: a barrier where the loader
// shares its queries, and from the second slot on one before they are written anew.
template <class Rows>
__device__ __forceinline__ float scoreTurnedRow(const MixedSpan& all, Rows& rows, int kvHead, int head,
                                                int heads, int i, const TurnedPlace& at) {
    const SpanTask task = {kvHead, kvHead, i * heads + head, 1};
    SharedMemory shared = sharedMemory(); // from its beginning, for each slot
    if (Rows::kShares && i > 0)
        blockSync();
    typename Rows::template Queries<1> queries(all, task, rows, shared);
    if (Rows::kShares)
        blockSync();
    if (threadIdx.x >= kWarp)
        return 0.0f;
    typename Rows::Key keys[kRowsInFlight];
#pragma unroll
    for (int r = 0; r < kRowsInFlight; ++r)
        keys[r] = rows.loadKey(r == 0 && at.live ? all.span.keys[at.block] : nullptr, at.row, at.slot,
                               r == 0 && at.live);
    float scores[1][kRowsInFlight];
    queries.score(all.span, task, rows, keys, scores);
    return scores[0][0];
}

} // namespace fovea::cuda
