#pragma once
// What the two kernels of a prompt's attention have in common: which queries a block has, what they see, and how scores
// become weights.

#include "core/kernels/cuda/prefill_sight.cuh"
#include "core/kernels/cuda/softmax_state.cuh"

namespace fovea::cuda {

// The weight of what a query does not see: adds nothing, and can be told from that of a score far below the largest, which
// is +0. Where a value is not finite that matters, for 0·∞ is no number.
constexpr float kUnseen = -0.0f;
constexpr unsigned kBitsOfUnseen = 0x80000000u;

// Scores are 2's exponents, so that exp becomes exp2; where they are capped, only behind the cap.
__device__ __forceinline__ float scoreScale(const AttendPrompt& a) {
    return a.softcap != 0.0f ? a.scale : a.scale * kLog2E;
}
__device__ __forceinline__ float cappedScore(float score, float softcap) {
    return softcap != 0.0f ? softcap * kLog2E * tanhf(score / softcap) : score;
}

template <int kAcross>
__device__ __forceinline__ float maxAcross(float value) {
#pragma unroll
    for (int distance = kAcross / 2; distance > 0; distance /= 2)
        value = fmaxf(value, shuffleXor(value, distance));
    return value;
}

// A tile of queries of one query head of one text, of a grid (tiles of queries, H, B). The last tiles, which see most,
// come first.
struct PromptBlock {
    int text, head;
    int firstQuery, count;     // of the text
    int queries;               // of this block; 0 or less: there are none
    std::int64_t firstElement; // of the first query's head, in q and out
    PromptSlots slots;
    Sight sight; // of all queries together

    // Of the block's query `row`.
    __device__ __forceinline__ Sight sightOf(const AttendPrompt& a, int row) const {
        return fovea::cuda::sightOf(a, text, head, firstQuery + row, count);
    }
};

__device__ __forceinline__ PromptBlock promptBlock(const AttendPrompt& a, int queriesOfTile, int text,
                                                   int head, int tile) {
    PromptBlock block;
    block.text = text;
    block.head = head;
    block.firstQuery = tile * queriesOfTile;
    block.count = a.counts ? a.counts[block.text] : a.queries;
    block.queries = min(queriesOfTile, block.count - block.firstQuery);
    if (block.queries <= 0)
        return block;
    const std::int64_t row = static_cast<std::int64_t>(block.text) * a.queries + block.firstQuery;
    block.firstElement = (row * a.heads + block.head) * a.headDim;
    const std::int64_t kvHead =
        static_cast<std::int64_t>(block.text) * a.kvHeads + block.head / (a.heads / a.kvHeads);
    block.slots.keys = a.keys + kvHead * a.blocksPerHead;
    block.slots.values = a.values + kvHead * a.blocksPerHead;
    block.slots.positions = a.positions ? a.positions + kvHead * a.positionsPerHead : nullptr;
    block.slots.slots = static_cast<int>(a.slots[kvHead]);
    block.slots.slotsPerBlock = a.slotsPerBlock;
    block.sight = block.sightOf(a, 0);
    block.sight.position += block.queries - 1;
    return block;
}

__device__ __forceinline__ PromptBlock promptBlock(const AttendPrompt& a, int queriesOfTile) {
    return promptBlock(a, queriesOfTile, static_cast<int>(blockIdx.z), static_cast<int>(blockIdx.y),
                       static_cast<int>(gridDim.x - 1 - blockIdx.x));
}

// Where the softmax of the block's query `row` is left.
__device__ __forceinline__ float* softmaxOf(const AttendPrompt& a, const PromptBlock& block, int row) {
    const std::int64_t query = static_cast<std::int64_t>(block.text) * a.queries + block.firstQuery + row;
    return a.softmax + 2 * (query * a.heads + block.head);
}

} // namespace fovea::cuda
