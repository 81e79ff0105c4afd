#pragma once
// Sinks that a prompt's queries meet at another distance than their own (PromptTurns): their scores anew, each by its query
// turned for it, in place of those that the tile's product gave. In a prompt these are few tiles, those that hold the first
// tokens, and no key is touched.
//
//   reads    of each score of a sink one number of 4 bytes, 8 bytes of angles per pair of components, from the caches nearby
//   work     6·d flops per score, one score of a thread after the other

#include "core/kernels/cuda/prefill_block.cuh"

namespace fovea::cuda {

// By which row of angles is the block's query `row` turned for `slot`? -1: by none.
__device__ __forceinline__ int turnOf(const AttendPrompt& a, const PromptBlock& block, int row, int slot) {
    if (row >= block.queries || slot >= block.slots.slots)
        return -1;
    const int j = block.slots.positionOf(slot);
    if (j >= a.turns.sinks)
        return -1;
    const std::int64_t query = static_cast<std::int64_t>(block.text) * a.queries + block.firstQuery + row;
    return a.turns.rows[query * a.turns.sinks + j];
}

// R(angles)·q·k, of which query(c) and key(c) are the components. Pairs are c and c + turns.pairs.
template <class Query, class Key>
__device__ __forceinline__ float turnedProduct(const PromptTurns& turns, int angles, int dims,
                                               const Query& query, const Key& key) {
    const float* const cosines = turns.cosines + static_cast<std::int64_t>(angles) * turns.pairs;
    const float* const sines = turns.sines + static_cast<std::int64_t>(angles) * turns.pairs;
    float sum = 0.0f;
#pragma unroll 1
    for (int c = 0; c < turns.pairs; ++c) {
        const float x = query(c), y = query(c + turns.pairs);
        sum +=
            (x * cosines[c] - y * sines[c]) * key(c) + (y * cosines[c] + x * sines[c]) * key(c + turns.pairs);
    }
#pragma unroll 1
    for (int c = 2 * turns.pairs; c < dims; ++c)
        sum += query(c) * key(c);
    return sum;
}

// A thread's scores (kRows, kSlots) of the block's queries rowOf(r) and the slots slotOf(s), of which product(r, s, angles)
// gives the turned ones. One copy of the product, whatever the number of scores: they stay in registers.
template <int kRows, int kSlots, class RowOf, class SlotOf, class Product, class Put>
__device__ __forceinline__ void meetSinks(const AttendPrompt& a, const PromptBlock& block, const RowOf& rowOf,
                                          const SlotOf& slotOf, const Product& product, const Put& put) {
#pragma unroll 1
    for (int i = 0; i < kRows * kSlots; ++i) {
        const int r = i / kSlots, s = i % kSlots, angles = turnOf(a, block, rowOf(r), slotOf(s));
        if (angles >= 0)
            put(i, product(r, s, angles));
    }
}

} // namespace fovea::cuda
