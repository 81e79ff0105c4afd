#pragma once
// Quest: cut the cache into pages and keep, beside each, the least and the greatest of every key component. They bound
// what any key of the page can score with a query, so the pages that might matter are found without reading a key, and
// only those are read, whole.
//
// Paper     Tang, Zhao, Zhu, Xiao, Kasikci, Han, "Quest: Query-Aware Sparsity for Efficient Long-Context LLM
//           Inference", arXiv 2406.10774
// Symbols   S cached tokens (the current one included), P slots per page, N = ⌈S / P⌉ pages, n of them read,
//           d head_dim, g query heads per KV head, m and M the least and the greatest of a page's keys, after RoPE
// Score     of a page Σ_i max(q_i·m_i, q_i·M_i)       (Algorithm 1), at least q·k for each of its keys
// Group     the paper's models have no grouped heads, and its code for those lets every query head choose for itself.
//           Here the g heads of a KV head choose together, by the sum of their scores, so that a page is read once.
//           The sum needs one product: Σ_h Σ_i max(q_hi·m_i, q_hi·M_i) = Σ_i (m_i·Σ_h min(q_hi, 0) + M_i·Σ_h max(q_hi, 0)).
// Sight     where heads of a group see different tokens (spans per head), one that sees no row of a page adds nothing to
//           the page's score: the page serves fewer heads. Of a page that is read each head attends to what it sees.
// Heard     a keep that ranks tokens hears the softmax over the rows that were read, and 0 of the others
// Newest    the page of the newest token is always among the n (the authors' kernels keep it beside their choice,
//           inside their budget; their evaluation script ranks it with the others)
// Skip      the first layers are read dense, in which attention is little sparse; they have no bounds here, unless a
//           later layer reads their KV: nothing else would read them
// Pages     are of slots, as in a paged cache. A token that takes an evicted one's slot widens the bounds of its page,
//           an eviction does not narrow them; a page that was left by all its tokens begins anew. So bounds may be
//           wider than they need to be, never narrower.
// Differs   a budget is given in pages, n, not in tokens; a soft-cap of logits does not bend the scores, which it would
//           not reorder for a single head
// Edges     ties go to the lowest page; a score that is NaN is the least of all, a key that is NaN bounds nothing
// Defaults  P = 16 and 2 layers as in the paper, n = 64 pages: 1024 tokens, with which it finds LongBench comparable to
//           reading all

#include <cstdint>

#include "core/cache/traffic.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

struct StepShape;
class CacheReader;
struct QuestStages;

struct QuestParams {
    int page = 16;  // P >= 1
    int pages = 64; // n >= 1, that of the newest token among them
    int skip = 2;   // first layers, read dense

    bool operator==(const QuestParams&) const = default;
};

// Do the keys that the layer of `shape` reads have bounds?
bool questKeepsBounds(const QuestParams& params, const StepShape& shape);
// Rows of K, as many as of V, that one layer reads in a planned step, all KV heads.
std::int64_t questRows(const QuestParams& params, const StepShape& shape);
// Bytes one layer moves in one decode step, all KV heads; derivation beside the code.
Traffic predictQuest(const QuestParams& params, const StepShape& shape);
// Live bytes of one layer's cache.
Traffic predictHeldQuest(const QuestParams& params, const StepShape& shape);

// The truth, straight from the paper. q (g, d) fp32: the query heads of one KV head. Where these see different tokens
// of it, `seen` (g, S) bool says which.
QuestStages questTruth(const QuestParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule,
                       const at::Tensor& seen);
QuestStages questTruth(const QuestParams& params, const at::Tensor& q, CacheReader& cache,
                       const LogitRule& rule = {});

} // namespace fovea
