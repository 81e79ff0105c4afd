#pragma once
// Decode attention of one layer on the CPU: q against the cache of all KV heads. Truths: denseTruth, sparqTruth. Reads with drivers of
// their own: attend_topv.h, attend_quest.h.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"
#include "core/kernels/cpu/head_sight.h"
#include "core/kernels/cpu/line_allocator.h"
#include "core/kernels/cpu/read_report.h"
#include "core/kernels/cpu/select_slots.h"
#include "core/methods/read/sparq.h"
#include "core/model/logit_rule.h"

namespace fovea::cpu {

// Slots that are attended to alike: with which of the queries (0: q itself, then those of turned slots), and by how
// many of the group's heads, the first ones.
struct SlotPiece {
    std::int64_t first, last;
    std::int64_t query;
    int heads;
};

// One task: pieces of a KV head's slots.
struct SpanTask {
    std::int64_t kvHead;
    std::size_t firstPiece, lastPiece;
};

// A run of slots or pages of one head that one task scores.
struct HeadSpan {
    std::int64_t head, first, last;
};

// Scratch that lives as long as a session, so that a step allocates nothing once it is warm (the vectors grow
// with S, by doubling).
struct AttentionScratch {
    LineFloats queries;                      // (H, d) q times the scale of logits, then those of turned slots
    std::vector<SlotPiece> pieces;           // of all heads' slots
    std::vector<SpanTask> tasks;
    SightOrder sight;
    std::vector<float> sightQueries, sightOut; // (H, d) in the order of sight, where heads of a group differ
    std::vector<std::int32_t> sightSlots;      // (G, min(k, S)) chosen slots by how many heads see them
    LineFloats partials;                     // softmax states of spans, to be merged
    LineFloats scores;                       // (H, scoreStride) approximate logits, the first S of each row; heads
                                             // of a group, as in what follows, in the order of sight
    std::int64_t scoreStride = 0;
    std::vector<std::int32_t> components;    // (G, r) sorted
    std::vector<std::int32_t> slots;         // (G, min(k, most slots)) each head's first min(k, S) sorted
    std::vector<float> alphas, taus;         // (H); alpha is 1 when it is off
    std::vector<float> componentSizes;       // (G, 2, d) Σ over the group |q|, and a copy to find the largest in; of
                                             // Quest (G, 2, d) or (H, 2, d) what pages are met with
    LineFloats componentQueries;             // (H, r) q[i1]/τ; of Quest the former, scaled
    std::vector<float> mass;                 // (m, l) of spans' approximate softmaxes, then of heads'
    std::vector<SlotCandidates> candidates;  // (G)
    std::vector<HeadSpan> spans;             // of all heads' slots or pages, a task each
    std::vector<std::int32_t> pages;         // (G, min(pages, N)) sorted
    std::vector<char> lastPages;             // (G) did the head choose the last page of its slots?
};

// Slots [first, last) of every head are met by queries of their own instead: how a method that gives its
// sinks another distance leaves their stored keys alone.
struct TurnedSlots {
    std::int64_t first = 0, last = 0;
    const float* q = nullptr; // (H, d)
};

// q, out (H, d) fp32; heads: G views of equal rows and S >= 1 slots each, their numbers may differ; H = G·group. The
// ledger hears every span handed to a loop. The result does not depend on the number of threads. A head all of whose
// logits are -inf attends to nothing: its output is 0. `turned` are disjoint and ascending. `sights` (H) say what each
// query head sees of what is held, or are empty: all; they do not go together with `turned`.
void attendAll(std::span<const KvView> heads, int group, const float* q, float* out, AttentionScratch& scratch,
               Ledger& ledger, const LogitRule& rule = {}, std::span<const TurnedSlots> turned = {},
               std::span<const HeadSight> sights = {}, ReadReport* report = nullptr);

// Stages 1-5 of SparQ. Leaves the components, temperatures, chosen slots and alphas in `scratch`. Per KV head:
//   KeyColumns  r·S·e
//   Scores      4·S·g written, 4·S·g read by the selection
//   Indices     4·n written, 4·n read, n = min(k, S)
//   Keys        n·d·e
//   Values      n·d·e
//   Mean        4·d, when alpha is on; for each of the sums of values where there are several
//   Scores      4·n·g more where the report is of what was read
// A token that a query head does not see has the approximate logit -inf, which the group's sum hears, no share of its
// α, and no part in its output.
void attendSparq(std::span<const KvView> heads, int group, const SparqParams& params, const float* q,
                 float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule = {},
                 std::span<const HeadSight> sights = {}, ReadReport* report = nullptr);

}  // namespace fovea::cpu
