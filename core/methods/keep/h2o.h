#pragma once
// H2O, heavy-hitter oracle: a few tokens take most of the attention, and they are known by what they have taken so
// far. Keep the tokens whose summed weight is largest ("heavy hitters") and the newest, and drop the rest for good.
//
// Paper     Zhang, Sheng, Zhou, Chen, Zheng, Cai, Song, Tian, Ré, Barrett, Wang, Chen, "H2O: Heavy-Hitter Oracle
//           for Efficient Generative Inference of Large Language Models", arXiv 2306.14048
// Symbols   h heavy, w recent, B = h + w, p position of the query, S rows it sees, P prompt, g query heads per KV head
// Variant   the authors publish four that are not the same: a mask simulation, a mask inside one forward, a real
//           drop, and FlexGen's. Here is the **real drop**: after every step the cache is cut to B rows, each KV
//           head by itself; what stays keeps its key as it was stored, at its own position in the text.
// Score     of a token: its softmax weight, summed over all queries so far that saw it, the prompt's included, and
//           over the g query heads of its KV head. The newest w stay whatever they score; of the others the h with
//           the highest do. Among equals the older leaves. A weight that is no number adds nothing.
// Sees      min(p, B) rows and its own: B rows are held after every step.
// Differs   the authors' code with GQA is broken (it indexes KV heads by query heads); the group's sum mends it. A
//           share (heavy=10%) is of the tokens before the plan acts, rounded down, as in their simulation; where
//           heavy and recent come to nothing one recent token stays. Under the model's own sliding window a token
//           that falls out of it leaves first, and its place is the next one's.
// Shared    where layers read one KV the score is summed over all of them, and the owner drops at the step's end
// Defaults  h = 4, w = 512, the smallest of the authors' real-drop settings (others: 1024 + 1024, 48 + 2000).

#include "core/cache/traffic.h"
#include "core/methods/keep/token_budget.h"

namespace at {
class Tensor;
}

namespace fovea {

struct StepShape;

struct H2oParams {
    TokenBudget heavy{4, false};
    TokenBudget recent{512, false}; // together at least one

    std::int64_t recentTokens(std::int64_t prompt) const; // w >= 0
    std::int64_t budget(std::int64_t prompt) const;       // B >= 1
    bool operator==(const H2oParams&) const = default;
};

// Rows that the query at p sees, its own included, after a prompt of `prompt` tokens; `reach` of the model's own
// window back, at most.
std::int64_t h2oSeen(const H2oParams& params, std::int64_t prompt, std::int64_t reach, std::int64_t p);

// Formula: bytes of score state that one layer reads and writes in the step of `shape` (all Scores), without what
// its read spends on reporting (scored_keep.h). Derivation beside the code.
Traffic predictH2o(const H2oParams& params, const StepShape& shape);
// Live bytes of one layer's scores, one fp32 per row and KV head.
Traffic predictHeldH2o(std::int64_t rows, const StepShape& shape);

// The truth. weights (T, S) fp32 of T queries, summed over the group, 0 where hidden -> what they add to the scores (S).
at::Tensor h2oScores(const at::Tensor& weights);
// scores (n), positions (n) int64 of their tokens -> the rows that stay, ascending.
at::Tensor h2oKept(std::int64_t budget, std::int64_t recent, const at::Tensor& scores,
                   const at::Tensor& positions);

} // namespace fovea
