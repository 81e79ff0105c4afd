#pragma once
// MoA, Mixture of Attention spans: every head keeps the first s tokens and a sliding window, each head a window of
// its own, and the windows grow with the text, some heads' fast and some not at all. Heads that look far keep much,
// heads that do not keep little, at the same mean.
//
// Paper     Fu et al., "Mixture of Attention Spans: Optimizing LLM Inference Efficiency with Heterogeneous
//           Sliding-Window Lengths", arXiv 2406.14909 (papers: moa)
// Symbols   S(N) = α + β·N tokens for a head at length N, the s sinks and the current token among them; b block
// Sees      sinks and the S - s newest tokens. S is cut to at most N and at least the minimum (and one token beside
//           the sinks), then rounded up to whole blocks: ⌈max(min(⌊α + βN⌋, N), min)⌉_b, as the authors' code does.
// Length    the authors fix N when generation begins, at prompt + tokens to come (1024 by default): `length=N`.
//           Open-ended text has no such number: `length=grows`, the default here, takes N for the tokens so far at
//           every step. A window then grows by a block at a time and fills up token by token (span_growth.h), since
//           what left the cache is gone.
// Groups    spans are per *query* head. A KV head that several share holds the longest of theirs, and each row is read
//           once for those that see it: under GQA a plan costs more than its mean span, which is shown, not hidden.
// Positions RoPE by the position in the text, as in the authors' code.
// Differs   a prompt is masked too, as in the paper, but by tokens and not by blocks (plan_prefill.h). Its code needs MHA
//           and searches spans a block longer than it runs: here groups work, spans are its run time's. β is 0 to 1.
// Defaults  s = 64, b = 64, minimum 128 as in the authors' code; α = 0, β = ½ for all heads, the half density that the
//           paper compares at.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/methods/keep/keep_rule.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

class CacheReader;

// S = alpha + beta·N.
struct MoaSpan {
    static constexpr double kLargestAlpha = 2147483647;

    double alpha = 0;  // tokens, negative too
    double beta = 0.5; // tokens per token, 0 to 1

    bool valid() const; // finite and within these
    bool operator==(const MoaSpan&) const = default;
};

// A span for every query head of every layer; never changed once it is shared.
struct MoaSpans {
    static constexpr int kMostLayers = 1024, kMostHeads = 1024; // of a plan that makes sense

    int layers = 0, heads = 0;
    std::vector<MoaSpan> spans; // (layers, heads)

    const MoaSpan& of(int layer, int head) const {
        return spans[static_cast<std::size_t>(layer) * static_cast<std::size_t>(heads) + static_cast<std::size_t>(head)];
    }
    bool operator==(const MoaSpans&) const = default;
};

struct MoaParams {
    MoaSpan all;                           // of every head, where there are no `spans`
    std::shared_ptr<const MoaSpans> spans; // null: `all`
    std::string file;                      // that holds `spans`, as it was named; empty: none does
    int sinks = 64;                        // s >= 0
    int block = 64;                        // b >= 1
    int minimum = 128;                     // >= 1
    int length = 0;                        // N of every span; 0: the tokens so far

    // Of a head within the spans' shape; of another, `all`.
    const MoaSpan& of(int layer, int head) const {
        return spans && layer < spans->layers && head < spans->heads ? spans->of(layer, head) : all;
    }
    // By what it does: where spans were read from says nothing.
    bool operator==(const MoaParams& other) const;
};

// S(N), in tokens.
std::int64_t moaTokens(const MoaParams& params, const MoaSpan& span, std::int64_t n);
KeepRule moaRule(const MoaParams& params, int layer, int head);
// The spans of a model of this shape, one entry per head: `all` repeated where the plan has none of its own.
MoaSpans moaSpansFor(const MoaParams& params, int layers, int heads);

// The truth: each query head's softmax over what its own rule sees of the rows that its KV head holds. q (g, d) fp32
// after RoPE, of the query at the newest of `positions` (n) int64; rules (g) -> (g, d).
at::Tensor moaTruth(std::span<const KeepRule> rules, const at::Tensor& q, CacheReader& kept,
                    const at::Tensor& positions, const LogitRule& logits = {});
// (g, n) bool: which of the tokens at `positions` each head of the group sees.
at::Tensor moaSight(std::span<const KeepRule> rules, const at::Tensor& positions);

} // namespace fovea
