#include "core/methods/keep/h2o.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/nan_to_num.h>

#include <algorithm>

#include "core/methods/keep/highest_rows.h"
#include "core/methods/step_shape.h"

namespace fovea {

std::int64_t H2oParams::recentTokens(std::int64_t prompt) const {
    const std::int64_t w = recent.tokens(prompt);
    return w == 0 && heavy.tokens(prompt) == 0 ? 1 : w;
}

std::int64_t H2oParams::budget(std::int64_t prompt) const {
    return heavy.tokens(prompt) + recentTokens(prompt);
}

// Every step adds a row and takes one away: the one that falls out of the model's own window if it is still there,
// else the lowest of those that may leave. So B rows stay, or all that the window has, whatever the scores.
std::int64_t h2oSeen(const H2oParams& params, std::int64_t prompt, std::int64_t reach, std::int64_t p) {
    return std::min({p, reach, params.budget(prompt)}) + 1;
}

// Per KV head, S rows seen:
//
//   4         the new token's score is cleared
//   8·S       the query's weights are added: every score read and written
//   4·(S-w)   as the step ends, and S is more than B, the scores that may leave are read
//   4·(R-w)   as the plan takes over, and the R rows held are more than B, the same
//   8         per row that changes slot: its score goes with it
//
// A layer that reads another's KV adds its queries' weights to the owner's scores: 8·S, and nothing else.
Traffic predictH2o(const H2oParams& params, const StepShape& shape) {
    const std::int64_t prompt = shape.promptTokens(), B = params.budget(prompt), p = shape.tokens - 1;
    const std::int64_t reach = shape.reach(), visible = std::min(p, reach);
    const std::int64_t S = shape.keeps ? h2oSeen(params, prompt, reach, p) : visible + 1;
    const auto ranked = [&](std::int64_t rows) {
        return rows > B ? 4 * (rows - params.recentTokens(prompt)) : 0;
    };
    Traffic layer;
    if (!shape.ownsKv) {
        layer[Component::Scores] = 8 * S * shape.kvHeads;
        return layer;
    }
    layer[Component::Scores] = (4 + 8 * S + (shape.keeps ? ranked(S) : 0)) * shape.kvHeads + 8 * shape.moved;
    if (shape.takesOver)
        layer[Component::Scores] += ranked(visible) * shape.kvHeads;
    return layer;
}

Traffic predictHeldH2o(std::int64_t rows, const StepShape& shape) {
    Traffic layer;
    layer[Component::Scores] = 4 * rows * shape.kvHeads;
    return layer;
}

// Section 4.1 of 2306.14048: the score is the sum of the columns of the attention matrix.
at::Tensor h2oScores(const at::Tensor& weights) {
    return at::nan_to_num(weights, 0).sum(0);
}

// Algorithm 1, line 9 with the accumulated score, the newest exempt.
at::Tensor h2oKept(std::int64_t budget, std::int64_t recent, const at::Tensor& scores,
                   const at::Tensor& positions) {
    return highestRows(scores, positions, budget, recent);
}

} // namespace fovea
