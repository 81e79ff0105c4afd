#pragma once
// Attention of a prompt on a GPU: many queries of each text at once against the rows of its cache, their own among
// them. Causal, with a window and sinks per query head, which may be met at another distance than their own, and the
// model's own window.
//
// Truth: cachedAttention (core/engine/prefill.h). All pointers are device memory. C++17.

#include <cstdint>
#include <string>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/kernels.h"
#include "core/kernels/cuda/row_codes.h"

namespace fovea::cuda {

// The query at position p sees the token at j where j ≤ p, p - j ≤ reach, and j is a sink or not older than the window:
// j < sinks or j ≥ p - window. As KeepRule (core/methods/keep/keep_rule.h) has it.
struct HeadSpan {
    std::int64_t sinks = 0;
    std::int64_t window = 0;
};

// Sinks that queries meet at another distance than their own (KeepRule::turns): the query is turned by the difference, as
// RoPE turns c with c + pairs. Of every head alike.
struct PromptTurns {
    int sinks = 0; // the tokens at 0 … sinks - 1 are met so; 0: none
    const std::int32_t* rows =
        nullptr; // (B, queries, sinks) of the angles that each query is turned by for each sink; -1: none
    const float *cosines = nullptr, *sines = nullptr; // (rows, pairs)
    int pairs = 0;                                    // up to d/2
};

constexpr std::int64_t kUnboundedReach = std::int64_t{1} << 40;

// A chunk of each of `texts` prompts: query heads g·group … (g + 1)·group - 1 share KV head g of their text. Slots
// live in blocks as core/cache/kv_view.h lays them out, those of this chunk among them; q, out and every block are
// aligned to 16 bytes.
struct AttendPrompt {
    ElementType type = ElementType::F32; // of K and V where they are floats
    RowCodes codes;                      // of K and V where they are not: decoded as they are read, in fp32
    int texts = 1;                       // B
    int heads = 0;                       // H
    int kvHeads = 0;                     // G
    int headDim = 0;                     // d, as attend.h has it for decode: refusal
    int slotsPerBlock = 256;
    float scale = 0;   // of q·k, 1/√d as a rule
    float softcap = 0; // c: logits become c·tanh(logit/c); 0: they stay
    // Rows of floats of 16 bits up to 128 wide are multiplied by matrix units, queries and weights in two halves: within some 2^-16
    // of fp32, which else is what all is computed in. In f16 a query's components must then be below 40,000/scale.
    bool matrixUnits = true;

    const float* q = nullptr;                     // (B, queries, H, d)
    int queries = 0;                              // of the text that has most
    const int* counts = nullptr;                  // (B) queries of each; null: all have as many
    const std::int64_t* firstPositions = nullptr; // (B) of each text's first query
    const void* const* keys = nullptr;            // (B·G, blocksPerHead) blocks of (slotsPerBlock, d) rows
    const void* const* values = nullptr;          // the same of V
    std::int64_t blocksPerHead = 0;               // stride of the two tables
    const std::int64_t* slots = nullptr;          // (B·G) live slots
    const std::int64_t* positions =
        nullptr; // (B·G, positionsPerHead) of the slots' tokens; null: slot s has s
    std::int64_t positionsPerHead = 0;

    std::int64_t reach = kUnboundedReach; // the model's own window: nothing further back, sinks included
    const HeadSpan* spans = nullptr;      // (H); null: all see all
    const std::int64_t* oldest =
        nullptr; // (B, H, queries) where windows grow: the oldest position of each, never less
                 // than of the query before; then spans' windows say nothing
    PromptTurns turns;
    float* softmax =
        nullptr; // (B, queries, H, 2): the largest score of each, in powers of 2, and the sum of all weights
                 // against it, which weighPrompt asks for; null: nobody does
    float* out =
        nullptr; // (B, queries, H, d); of a query that sees nothing zeros, beyond a text's count untouched
};

// Queries and slots that are worked on together. Tiles of slots that no query of a tile of queries sees are not read.
constexpr int kTileSlots = 32;
constexpr int queryTileOf(int headDim) {
    return headDim <= 128 ? 64 : 32;
}

// How many tiles of slots one query head of one text reads, over all tiles of its queries, where slot s holds position
// s; a tile is kTileSlots rows of K and of V, the last one what is left.
std::int64_t slotTiles(std::int64_t firstPosition, std::int64_t queries, std::int64_t slots, int headDim,
                       const HeadSpan* span = nullptr, std::int64_t reach = kUnboundedReach);

// Why the kernel does not take this chunk, in a sentence; empty when it does. Cannot look into device memory.
std::string refusal(const AttendPrompt& chunk);
// Queues the chunk on `stream` and returns. Throws std::invalid_argument with refusal()'s sentence, or
// std::runtime_error when there is no device.
void attendPrompt(const AttendPrompt& chunk, Stream stream);

// What the queries of each KV head's group gave to each slot, all its query heads together, once attendPrompt has done the same
// chunk: weights (B·G, queries, slotsPerRow), of which those of live slots are written, 0 where a query does not see a slot or
// its weights are no numbers. Query heads of a group see alike. No text has more than slotsPerRow slots. Throws as attendPrompt.
// Truth: cachedAttention's listener.
std::string weighRefusal(const AttendPrompt& chunk, const float* weights, std::int64_t slotsPerRow);
void weighPrompt(const AttendPrompt& chunk, float* weights, std::int64_t slotsPerRow, Stream stream);

} // namespace fovea::cuda
