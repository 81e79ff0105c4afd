#pragma once
// SparQ Attention: guess which tokens matter from the query's r largest components, read only the k best in
// full, and stand in for the rest with the mean value.
//
// Paper     Ribar et al., "SparQ Attention: Bandwidth-Efficient LLM Inference", arXiv 2312.04985
// Symbols   S cached tokens (the current one included), d head_dim, r components, k tokens, g query heads per
//           KV head, tau temperature, alpha mass of the kept
// k         counts every row read in full: the local window is inside k, and the current token is the newest
//           of the local window. (The authors' code reads k+1 rows, the current one free.)
// Differs   the paper sums softmaxed scores over a GQA group, the authors' code raw scaled logits: `Select`
//           chooses. They switched alpha off for Llama 3.
//           A model's own scale s of logits stands where the paper has 1/√d; its soft-cap bends the
//           approximate logits as it does the exact ones.
// Edges     ties go to the lowest index; a query head whose kept components are all zero scores every token
//           alike (the paper's tau would be 0/0)
// Needs     a second, component-major copy of K (1.5x the capacity of dense) and one fp32 value sum per
//           KV head.

#include <cstdint>
#include <optional>

#include "core/cache/traffic.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

struct StepShape;
class CacheReader;
struct SparqStages;

struct SparqParams {
    enum class Select : std::uint8_t { Softmax, Logits };

    int components = 32;            // r, 1..d
    int tokens = 128;               // k >= 1
    std::optional<int> local = {};  // newest tokens always read, 0..k; empty: floor(k/4), the authors' default
    bool alpha = true;              // blend in the mean value with weight 1 - alpha
    bool tau = true;                // temperature of the approximate softmax; off: sqrt(d)
    Select select = Select::Softmax;

    int localTokens() const { return local ? *local : tokens / 4; }
    bool operator==(const SparqParams&) const = default;
};

// Bytes one layer moves in one decode step, all KV heads; derivation beside the code.
Traffic predictSparq(const SparqParams& params, const StepShape& shape);
// Live bytes of one layer's cache.
Traffic predictHeldSparq(const SparqParams& params, const StepShape& shape);

// The truth, straight from the paper. q (g, d) fp32: the query heads of one KV head. Where these see different tokens
// of it, `seen` (g, S) bool says which: a token that a head does not see has the approximate logit -inf there.
SparqStages sparqTruth(const SparqParams& params, const at::Tensor& q, CacheReader& cache,
                       const LogitRule& rule, const at::Tensor& seen);
SparqStages sparqTruth(const SparqParams& params, const at::Tensor& q, CacheReader& cache,
                       const LogitRule& rule = {});

}  // namespace fovea
