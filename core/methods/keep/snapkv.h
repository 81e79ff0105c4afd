#pragma once
// SnapKV: the last queries of a prompt know what the answer will need. They vote, once, for the tokens of the prompt
// that stay; everything after the prompt stays.
//
// Paper     Li, Huang, Yang, Venkitesh, Locatelli, Ye, Cai, Lewis, Chen, "SnapKV: LLM Knows What You are Looking for
//           Before Generation", arXiv 2404.14469, Listing 1
// Symbols   B budget, w window (the observing queries), k pool, P prompt, p position of the query
// Vote      the softmax weights of the last w queries, summed over them and over the g query heads of a KV head, then
//           averaged over the k neighbours of each token of the prompt before the window, so that a run of tokens stays
//           together (beyond either end there is nothing to average: zeros, as in the authors' code). The B - w highest
//           stay and the window itself. Among equals the newer stay.
// Sees      min(P, B) rows of the prompt, all that came after it, and its own.
// Differs   the authors vote per query head and store K and V as often; here per KV head, which is what a cache of
//           shared heads can hold. Their code offers a maximum in place of the average. The prompt is what came before
//           the plan acts. A layer with a sliding window of its own is left to it.
// Shared    where layers read one KV the queries of all of them vote together
// Defaults  w = 64, k = 5 as in the authors' code; B = 1024, the smallest of their LongBench settings, window included.

#include <cstdint>

#include "core/cache/traffic.h"

namespace at {
class Tensor;
}

namespace fovea {

struct StepShape;

struct SnapkvParams {
    int budget = 1024; // B >= 1, the window included
    int window = 64;   // w, 1..budget and at most 4096
    int pool = 5;      // k, odd

    static constexpr int kLongestWindow = 4096;
    bool operator==(const SnapkvParams&) const = default;
};

// Rows that the query at p >= prompt sees, its own included, in a layer without a window of its own.
std::int64_t snapkvSeen(const SnapkvParams& params, std::int64_t prompt, std::int64_t p);

// Formula: bytes that observing costs one layer in the step of `shape`. Derivation beside the code.
Traffic predictSnapkv(const SnapkvParams& params, const StepShape& shape);
// Live bytes of the queries that wait to vote; none once they have.
Traffic predictHeldSnapkv(const SnapkvParams& params, const StepShape& shape);

// The truth. weights (t, P) fp32 of the last t <= w queries, each causal, summed over the group -> votes (P), of tokens
// in the order of the text.
at::Tensor snapkvVotes(const SnapkvParams& params, const at::Tensor& weights);
// votes (P) -> the rows that stay, ascending.
at::Tensor snapkvKept(const SnapkvParams& params, const at::Tensor& votes);

} // namespace fovea
