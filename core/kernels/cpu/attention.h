#pragma once
// Decode attention of one layer on the CPU: q against the cache of all KV heads. Truths: denseTruth, sparqTruth.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"
#include "core/kernels/cpu/select_slots.h"
#include "core/methods/read/sparq.h"
#include "core/model/logit_rule.h"

namespace fovea::cpu {

// Slots that one task attends to, and with which of the queries (0: q itself, then those of turned slots).
struct SlotPiece {
    std::int64_t first, last;
    std::int64_t query;
};

// Scratch that lives as long as a session, so that a step allocates nothing once it is warm (the vectors grow
// with S, by doubling).
struct AttentionScratch {
    std::vector<float> queries;              // (H, d) q times the scale of logits, then those of turned slots
    std::vector<SlotPiece> pieces;           // of one head's slots, a task each
    std::vector<float> partials;             // softmax states of spans, to be merged
    std::vector<float> scores;               // (H, scoreStride) approximate logits, the first S of each row
    std::int64_t scoreStride = 0;
    std::vector<std::int32_t> components;    // (G, r) sorted
    std::vector<std::int32_t> slots;         // (G, min(k, S)) sorted
    std::vector<float> alphas, taus;         // (H); alpha is 1 when it is off
    std::vector<float> componentSizes;       // (2, d) Σ over the group |q|, and a copy to find the largest in
    std::vector<float> componentQueries;     // (H, r) q[i1]/τ
    std::vector<float> mass;                 // (m, l) of spans' approximate softmaxes, then of heads'
    std::vector<SlotCandidates> candidates;  // (G)
};

// Slots [first, last) of every head are met by queries of their own instead: how a method that gives its
// sinks another distance leaves their stored keys alone.
struct TurnedSlots {
    std::int64_t first = 0, last = 0;
    const float* q = nullptr; // (H, d)
};

// How a read weighed the rows that it read, for a keep that hears it: the weight of row i is
// alpha[h]·exp(logits[h·stride + i] - m[h]) / l[h]. Good until the next read. Nobody who does not ask pays for it.
struct ReadReport {
    bool estimate = false; // of a read that guesses, the guess at all rows instead of what it read. An input.

    const float* logits = nullptr; // (H, stride)
    std::int64_t stride = 0, rows = 0;
    std::vector<float> m, l;             // (H)
    const float* alphas = nullptr;       // (H); null: 1
    const std::int32_t* slots = nullptr; // (G, rows), ascending; null: rows are slots 0, 1, …
    std::vector<float> spilled;          // logits that lay nowhere else
};

// q, out (H, d) fp32; heads: G views of equal shape and S >= 1 slots; H = G·group. The ledger hears every
// span handed to a loop. The result does not depend on the number of threads. A head all of whose logits are
// -inf attends to nothing: its output is 0. `turned` are disjoint and ascending.
void attendAll(std::span<const KvView> heads, int group, const float* q, float* out,
               AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule = {},
               std::span<const TurnedSlots> turned = {}, ReadReport* report = nullptr);

// Stages 1-5 of SparQ. Leaves the components, temperatures, chosen slots and alphas in `scratch`. Per KV head:
//   KeyColumns  r·S·e
//   Scores      4·S·g written, 4·S·g read by the selection
//   Indices     4·n written, 4·n read, n = min(k, S)
//   Keys        n·d·e
//   Values      n·d·e
//   Mean        4·d, when alpha is on
//   Scores      4·n·g more where the report is of what was read
void attendSparq(std::span<const KvView> heads, int group, const SparqParams& params, const float* q,
                 float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule = {},
                 ReadReport* report = nullptr);

}  // namespace fovea::cpu
