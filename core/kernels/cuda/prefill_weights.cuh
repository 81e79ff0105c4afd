#pragma once
// What the queries of a prompt gave to each row, for keeps that hear it: the softmax of attention once more, from what
// attention left of it, summed over the query heads of a KV head.
//
//   w_ts = Σ_h exp(scale·q_th·k_s) / Σ_u exp(scale·q_th·k_u)      of what q_th sees
//
// weighTiles<Rows, kDim>, grid (tiles of queries, tiles of slots, B·G)
//   block    128 threads: kQueries queries of one KV head's group, one query head after the other, against 32 slots
//   thread   as attendTiles
//   shared   as attendTiles
//   barriers one of the first query head, two of each further one; none of a tile that nobody sees
//   reads    a tile of K once per tile of queries; q, and 8 bytes of each query and head, once per tile of slots
//   writes   a number for each query and slot, 0 where it does not see it
//   work     2·d flops per query head, query and slot of the tiles that are seen
//   limits   as attendTiles; the heads of a group see alike
//   nvcc     13.0: 71 to 102 registers (sm_80, sm_90), 24 bytes of stack in one instance

#include "core/kernels/cuda/prefill.cuh"

namespace fovea::cuda {

struct WeighArguments {
    AttendPrompt chunk;
    float* weights; // (B·G, queries, slotsPerRow)
    std::int64_t slotsPerRow;
};

// One query's part of what the heads gave to a thread's slots. What is no number is nothing, as the host has it.
template <int kDim>
__device__ __forceinline__ void addWeights(const AttendPrompt& a, const PromptBlock& block, int row,
                                           int firstSlot, int across,
                                           const float (&scores)[PromptTile<kDim>::kSlotsOfThread],
                                           float (&weights)[PromptTile<kDim>::kSlotsOfThread]) {
    using Tile = PromptTile<kDim>;
    const Sight sight = block.sightOf(a, row);
    if (sight.position < 0)
        return;
    const float* const softmax = softmaxOf(a, block, row);
#pragma unroll
    for (int s = 0; s < Tile::kSlotsOfThread; ++s) {
        const int slot = firstSlot + across + s * Tile::kAcross;
        if (slot >= block.slots.slots || !sight.sees(block.slots.positionOf(slot)))
            continue;
        const float weight = weightOf(cappedScore(scores[s], a.softcap), softmax[0]) / softmax[1];
        weights[s] += weight * 0.0f == 0.0f ? weight : 0.0f;
    }
}

template <class Rows, int kDim>
__global__ void __launch_bounds__(kPromptThreads) weighTiles(WeighArguments w) {
    using Tile = PromptTile<kDim>;
    const AttendPrompt& a = w.chunk;
    const int group = a.heads / a.kvHeads, text = static_cast<int>(blockIdx.z) / a.kvHeads;
    const int firstHead = (static_cast<int>(blockIdx.z) - text * a.kvHeads) * group;
    PromptBlock block = promptBlock(a, Tile::kQueries, text, firstHead, static_cast<int>(blockIdx.x));
    const int tile = static_cast<int>(blockIdx.y), firstSlot = tile * kTileSlots;
    if (block.queries <= 0 || tile >= block.slots.tiles())
        return;
    const int rowThread = static_cast<int>(threadIdx.x) / Tile::kAcross;
    const int across = static_cast<int>(threadIdx.x) % Tile::kAcross;

    const PromptMemory memory = promptMemory<kDim>();
    float weights[kRowsOfThread][Tile::kSlotsOfThread] = {};
    if (block.slots.nextTile(tile, block.sight) == tile) {
        Rows::template load<kDim, false>(a, block.slots, block.slots.keys, firstSlot, memory);
#pragma unroll 1
        for (int head = 0; head < group; ++head, ++block.head, block.firstElement += a.headDim) {
            if (head > 0)
                blockSync(); // all have done with the queries of the head before
            loadQueries<kDim>(a, a.q + block.firstElement, block.queries, scoreScale(a), memory);
            blockSync();
            float scores[kRowsOfThread][Tile::kSlotsOfThread] = {};
            scoreTile<kDim>(memory, rowThread, across, scores);
            if (a.turns.sinks > 0)
                meetSinksOfTile<kDim>(a, block, memory, firstSlot, rowThread, across, scores);
#pragma unroll
            for (int r = 0; r < kRowsOfThread; ++r)
                addWeights<kDim>(a, block, rowThread + r * Tile::kRowThreads, firstSlot, across, scores[r],
                                 weights[r]);
        }
    }
#pragma unroll
    for (int r = 0; r < kRowsOfThread; ++r) {
        const int row = rowThread + r * Tile::kRowThreads;
        if (row >= block.queries)
            continue;
        float* const to =
            w.weights +
            (static_cast<std::int64_t>(blockIdx.z) * a.queries + block.firstQuery + row) * w.slotsPerRow;
#pragma unroll
        for (int s = 0; s < Tile::kSlotsOfThread; ++s)
            if (const int slot = firstSlot + across + s * Tile::kAcross; slot < block.slots.slots)
                to[slot] = weights[r][s];
    }
}

} // namespace fovea::cuda
