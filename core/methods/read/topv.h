#pragma once
// Top-k V: read every key, so that the weights are exact, and only the values of the k tokens that weigh most.
// It halves at best what dense attention reads, and misses nothing but the mass of the light tokens.
//
// Paper     Sheng et al., "FlexGen: High-Throughput Generative Inference of Large Language Models with a Single
//           GPU", arXiv 2303.06865, Section 5 ("Sparse attention"); Ribar et al. count it beside SparQ (2312.04985)
// Symbols   S cached tokens (the current one included), d head_dim, k values, g query heads per KV head
// Weights   FlexGen and the SparQ authors drop the light weights *after* the softmax over all S: what is kept stays
//           as it was and sums to less than 1. The latter's code can drop them before it, so that the kept ones sum to
//           1: renormalise=on.
// Group     one choice for the g heads that share a KV head, by the sum of their weights (the SparQ authors' for
//           grouped heads; FlexGen knows none), so that a value is read once
// Differs   FlexGen's k is a share of the older tokens, and its code reads the current token's value beside them; here
//           k counts every value that is read, and the current token has to weigh enough.
// Sight     heads of a group may see different tokens (spans per head): what a head does not see weighs nothing with it,
//           in the sum too, and has no part in its output
// Heard     a keep that ranks tokens hears how every token weighs before any value is left out: the weights are exact and
//           there, whatever is then read of V
// Edges     ties go to the lowest slot; a NaN weighs least
// Defaults  k = 128, as SparQ's

#include <cstdint>

#include "core/cache/traffic.h"
#include "core/methods/read/sparq.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

struct StepShape;
class CacheReader;
struct TopvStages;

struct TopvParams {
    int tokens = 128;         // k >= 1
    bool renormalise = false; // the kept weights sum to 1

    bool operator==(const TopvParams&) const = default;
};

// The choice of the k heaviest in SparQ's words: all components, the paper's sum of softmaxed scores, no window.
SparqParams choiceOf(const TopvParams& params, int headDim);

// Bytes one layer moves in one decode step, all KV heads; derivation beside the code. What is held is dense's.
Traffic predictTopv(const TopvParams& params, const StepShape& shape);

// The truth. logits (g, S) of the query heads of one KV head, of the keys that `cache` holds: exact, and read
// already; keys met at another distance than their own make no difference to the rest. Where heads see different tokens,
// `seen` (g, S) bool says which; undefined: all see all.
TopvStages topvOfLogits(const TopvParams& params, const at::Tensor& logits, CacheReader& cache,
                        const at::Tensor& seen);
TopvStages topvTruth(const TopvParams& params, const at::Tensor& logits, CacheReader& cache);
// The same from q (g, d) fp32, every key at its own distance.
TopvStages topvTruth(const TopvParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule,
                     const at::Tensor& seen);
TopvStages topvTruth(const TopvParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule);

} // namespace fovea
