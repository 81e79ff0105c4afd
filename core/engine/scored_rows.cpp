#include "core/engine/scored_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/softmax.h>

#include <limits>

#include "core/engine/row_scores.h"
#include "core/methods/keep/keep_rule.h"
#include "core/methods/keep/scored_keep.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// The most rows that a KV head may hold before some must be ranked, and the newest, which may not leave.
struct Ranks {
    std::int64_t budget, recent;
};

Ranks ranksOf(const Keep& keep, std::int64_t prompt) {
    if (const auto* h2o = std::get_if<H2oParams>(&keep))
        return {h2o->budget(prompt), h2o->recentTokens(prompt)};
    const auto& scissors = std::get<ScissorhandsParams>(keep);
    return {scissors.budget, scissors.recent};
}

} // namespace

std::int64_t expiredRows(const AgedRows& rows, int modelWindow, std::int64_t next) {
    std::int64_t expired = 0;
    if (modelWindow > 0)
        for (const std::int32_t slot : rows.byAge) {
            if (next - rows.positions[static_cast<std::size_t>(slot)] < modelWindow)
                break;
            ++expired;
        }
    return expired;
}

void rankOut(const AttentionPlan& plan, int modelWindow, RowScores& scores, const AgedRows& rows,
             std::int64_t next, std::int64_t prompt, std::vector<std::int64_t>& places, Traffic& moved) {
    const Ranks ranks = ranksOf(plan.keep, prompt);
    const std::int64_t held = std::ssize(rows.byAge), expired = std::ssize(places);
    if (held <= ranks.budget)
        return;
    const std::int64_t stay = rowsSeen(plan, modelWindow, true, prompt, next) - 1;
    scores.lowest(rows.byAge.first(static_cast<std::size_t>(held - ranks.recent)), expired,
                  held - expired - stay, places, moved);
}

std::vector<std::int64_t> votedOut(const AttentionPlan& plan, const at::Tensor& queries,
                                   const at::Tensor& keys, const LogitRule& rule, Traffic& moved) {
    const auto& params = std::get<SnapkvParams>(plan.keep);
    const std::int64_t P = keys.size(0), t = queries.size(1);
    const at::Tensor logits =
        attentionLogits(at::matmul(queries, keys.t()), rule, static_cast<int>(keys.size(1))); // (g, t, P)
    const at::Tensor future = at::arange(P - t, P, at::kLong).unsqueeze(1) < at::arange(P, at::kLong);
    const at::Tensor weights =
        at::softmax(logits.masked_fill(future, -std::numeric_limits<double>::infinity()), -1);
    const at::Tensor votes = snapkvVotes(params, at::nan_to_num(weights, 0).sum(0));
    moved[Component::Scores] +=
        static_cast<std::int64_t>(queries.nbytes() + 2 * logits.nbytes() + 2 * votes.nbytes());

    const at::Tensor kept = snapkvKept(params, votes).contiguous();
    const auto* stays = kept.data_ptr<std::int64_t>();
    std::vector<std::int64_t> places;
    for (std::int64_t place = 0, k = 0; place < P; ++place)
        if (k < kept.size(0) && stays[k] == place)
            ++k;
        else
            places.push_back(place);
    return places;
}

} // namespace fovea
