#pragma once
// The KV cache on the GPU: what a new token writes. Blocks lie as core/cache/kv_view.h and row_form.h have them, byte for
// byte, so that rows may be copied to the CPU's cache and back.
//
// Raw device pointers and sizes, as in kernels.h. KV heads of a batch of texts lie side by side, each with blocks, slots
// and a number of tokens of its own: G counts all of them. C++17, since .cu files include it.

#include <cstdint>
#include <string>

#include "core/cache/element_type.h"
#include "core/kernels/cuda/kernels.h"
#include "core/kernels/cuda/row_codes.h"

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

// The cache of one layer. The host sees to it that every KV head has blocks for its next token, and room for its slot: how
// many tokens there are is known without asking the device.
struct CacheBlocks {
    ElementType type = ElementType::F32; // of rows of floats, of columns and of bounds
    RowCodes codes;
    int kvHeads = 0; // G
    int headDim = 0; // d, up to kMaxHeadDim
    int slotsPerBlock = 256;
    std::int64_t blocksPerHead = 0; // stride of the next three tables
    void* const* keys = nullptr;    // (G, blocksPerHead)
    void* const* values = nullptr;
    void* const* keyColumns = nullptr; // blocks of (d, slotsPerBlock); null: no copy of K is kept
    float* valueSums = nullptr;        // (G, d) of the values of live slots, as they are stored; null: none
    void* const* bounds = nullptr;     // (G, boundBlocksPerHead) blocks of (pagesPerBlock, 2, d); null: none
    std::int64_t boundBlocksPerHead = 0;
    int page = 0, pagesPerBlock = 0;  // slots of a page, pages of a block
    std::int32_t* pageRows = nullptr; // (G, pagesPerHead) live slots of each page, 0 at first
    std::int64_t pagesPerHead = 0;
    SlotTables slots;
};

// One new token of every KV head.
struct CacheAppend {
    CacheBlocks cache;
    const float* k = nullptr; // (G, d)
    const float* v = nullptr;
    const std::int64_t* positions = nullptr; // (G), each newer than all that its head holds
};

// Why the kernels do not take this cache, in a sentence; empty when they do. Cannot look into device memory.
std::string refusal(const CacheBlocks& cache);
std::string refusal(const CacheAppend& append);
// Rows are rounded, packed and put into the slot that each head has next; columns, sums and bounds follow, and the table of
// slots. One launch, queued on `stream`. Throws as attendAll does. Truth: KvCache::append.
void appendRows(const CacheAppend& append, Stream stream);

} // namespace fovea::cuda
