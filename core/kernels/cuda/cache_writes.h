#pragma once
// The KV cache on the GPU: what new tokens write. Blocks lie as core/cache/kv_view.h and row_form.h have them, byte for
// byte, so that rows may be copied to the CPU's cache and back.
//
// Raw device pointers and sizes, as in kernels.h. KV heads of a batch of texts lie side by side, each with blocks, slots
// and a number of tokens of its own: G counts all of them. C++17, since .cu files include it.

#include <cstdint>
#include <string>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/kernels.h"
#include "core/kernels/cuda/mixed_rows.h"
#include "core/kernels/cuda/row_codes.h"
#include "core/kernels/cuda/text_batch.h"

namespace fovea::cuda {

// Which token lies in which slot, as core/cache/slot_table.h has it: live slots are the first ones, but for one free slot
// among the first live + 1, which the next token takes. An empty table has 0 in `live` and in `next`.
struct SlotTables {
    std::int64_t capacity = 0;         // of a row of positions and byAge, in slots
    std::int64_t* live = nullptr;      // (G) how many
    std::int32_t* next = nullptr;      // (G) the slot that the next token takes
    std::int64_t* positions = nullptr; // (G, capacity) of the tokens; what is free holds -1
    std::int32_t* byAge = nullptr;     // (G, capacity) live slots, oldest token first
};

// The cache of one layer. The host sees to it that every KV head has blocks for its new tokens, and room for their slots:
// how many tokens there are is known without asking the device.
struct CacheBlocks {
    ElementType type = ElementType::F32; // of rows of floats, of columns and of bounds
    RowCodes codes;
    MixedBlocks mixed; // where some rows are exact and others codes
    int kvHeads = 0;   // G
    int headDim = 0;   // d, up to kMaxHeadDim
    int slotsPerBlock = 256;
    std::int64_t blocksPerHead = 0; // stride of the next three tables
    void* const* keys = nullptr;    // (G, blocksPerHead)
    void* const* values = nullptr;
    void* const* keyColumns = nullptr; // blocks of (d, slotsPerBlock); null: no copy of K is kept
    float* valueSums = nullptr; // (G, sums, d) of the values of live slots, as they are stored; null: none
    int sums = 1; // of each KV head; one per query head of its group where these see different slots: then a
                  // new token is added to each, and what a head sees no more the host takes out
    void* const* bounds = nullptr; // (G, boundBlocksPerHead) blocks of (pagesPerBlock, 2, d); null: none
    std::int64_t boundBlocksPerHead = 0;
    int page = 0, pagesPerBlock = 0;  // slots of a page, pages of a block
    std::int32_t* pageRows = nullptr; // (G, pagesPerHead) live slots of each page, 0 at first
    std::int64_t pagesPerHead = 0;
    SlotTables slots;
};

// New tokens of every KV head: one, or a chunk of each of `texts` prompts, whose KV heads lie side by side in the cache.
struct CacheAppend {
    CacheBlocks cache;
    const float* k = nullptr; // (texts, tokens, G/texts, d)
    const float* v = nullptr;
    const std::int64_t* positions =
        nullptr;    // (G) of the first, newer than all that its head holds; then one by one
    int tokens = 1; // of the text that has most
    int texts = 1;
    const int* counts = nullptr; // (texts) tokens of each, 0 too; null: all have as many
    // Several texts of G KV heads each, of which each has tables of its own, and one token: k, v (batch.all, G, d), positions
    // (batch.all, G).
    TextBatch batch;
};

// Why the kernels do not take this cache, in a sentence; empty when they do. Cannot look into device memory.
std::string refusal(const CacheBlocks& cache);
std::string refusal(const CacheAppend& append);
// Of mixed rows one token alone: it is written as its store has it, and rows whose time has come are coded (MixedPart::coming).
// Rows are rounded, packed and put into the slots that each head has next; columns, sums and bounds follow, and the table
// of slots. One launch for one token, two for many, queued on `stream`. Throws as attendAll does. Truth: KvCache::append,
// token by token.
void appendRows(const CacheAppend& append, Stream stream);

} // namespace fovea::cuda
