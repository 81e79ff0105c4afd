#pragma once
// What a keep that ranks tokens remembers and drops, on the GPU: H2O (core/methods/keep/h2o.h) and Scissorhands
// (scissorhands.h). A read's logits become scores, and each KV head drops its own tokens, without the host: how many stay is
// a closed form, who stays nobody need be told.
//
// Raw device pointers and sizes, as in cache_writes.h. C++17, since .cu files include it.

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/kernels/cuda/cache_writes.h"

namespace fovea::cuda {

// By slot of every KV head, as the table of slots has them; one of the two.
struct KeepScores {
    float* sums = nullptr; // H2O: (G, capacity) what queries gave to a token so far
    std::uint32_t* below =
        nullptr; // Scissorhands: (G, capacity, ⌈history / 32⌉), a bit per query: did it give less than
                 // the uniform weight? The query at position p has bit p mod history
    int history = 0; // of Scissorhands, in queries
};

// What one layer's read of one step told: entry i of query head h weighs α_h·exp(logits[h·stride + i] - tops[h]) / sums[h].
struct HeardRead {
    int kvHeads = 0; // G
    int group = 0;   // H/G
    SlotTables slots;
    KeepScores scores;

    const float* logits = nullptr; // (H, stride)
    std::int64_t stride = 0;
    const float* tops = nullptr;   // (H)
    const float* sums = nullptr;   // (H)
    const float* alphas = nullptr; // (H); null: 1
    const std::int32_t* listed =
        nullptr; // (G, listStride) slots of the entries, none twice; null: slot i is entry i
    const std::int32_t* counts = nullptr; // (G) entries of each list
    std::int64_t listStride = 0;

    // Of several layers that read one KV each is heard in turn, the owner first.
    int reader = 0, readers = 1;
    float* stepSums = nullptr; // (G, capacity) of scratch for Scissorhands where there are several
};

std::string refusal(const HeardRead& heard);
// The newest token's score begins, and all tokens' hear. After the step's append, before its drop. One launch.
// Truth: h2oScores, belowUniform.
void hearRead(const HeardRead& heard, Stream stream);

// What happened to one KV head.
struct SlotCounts {
    std::int32_t dropped, moved, resummed, pagesBegun; // as core/cache/kv_cache.h's SlotChanges
};

// The end of a step: what fell out of the model's own window leaves, and, where more than `budget` are held, so many of the
// lowest that `stay` are left. The newest `recent` do not leave for their score; of equals the older one does.
struct DropLowest {
    CacheBlocks cache;
    KeepScores scores;
    int budget = 0, recent = 0;
    int stay = 0;   // H2O: the budget. Scissorhands: budget + 1 - drop; as the plan takes over, the budget
    int window = 0; // of the model itself, in tokens; 0: none
    std::int32_t* scratch = nullptr; // scratchNumbers(…)
    SlotCounts* counts = nullptr;    // (G), written
};

// Lists of a KV head in scratch: who leaves, their slots, and what moves from where to where.
constexpr int kDropLists = 4;

std::size_t scratchNumbers(const DropLowest& drop);
std::string refusal(const DropLowest& drop);
// The choice, the table of slots, sums, bounds, and the rows that move so that live slots stay the first ones: one launch.
// Blocks that are empty afterwards are the host's to give back. Truth: KvCache::evict, highestRows, scissorhandsKept.
void dropLowest(const DropLowest& drop, Stream stream);

} // namespace fovea::cuda
