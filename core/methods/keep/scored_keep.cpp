#include "core/methods/keep/scored_keep.h"

#include <algorithm>
#include <variant>

#include "core/methods/keep/keep_rule.h"
#include "core/methods/step_shape.h"
#include "core/plan/attention_plan.h"

namespace fovea {

bool scoresTokens(const AttentionPlan& plan) {
    return hearsReads(plan) || std::holds_alternative<SnapkvParams>(plan.keep);
}

bool hearsReads(const AttentionPlan& plan) {
    return std::holds_alternative<H2oParams>(plan.keep) ||
           std::holds_alternative<ScissorhandsParams>(plan.keep);
}

std::int64_t rowsSeen(const AttentionPlan& plan, int modelWindow, bool acts, std::int64_t prompt,
                      std::int64_t p) {
    const KeepRule rule = keepRule(plan, modelWindow, acts);
    const auto reach = modelWindow > 0 ? std::optional(rule.reach) : std::nullopt;
    if (const auto* h2o = std::get_if<H2oParams>(&plan.keep); h2o && acts)
        return h2oSeen(*h2o, prompt, rule.reach, p);
    if (const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep); scissors && acts)
        return scissorhandsSeen(*scissors, prompt, reach, p);
    if (const auto* snap = std::get_if<SnapkvParams>(&plan.keep); snap && acts && !reach)
        return snapkvSeen(*snap, prompt, p);
    return rule.seen(p);
}

std::int64_t mostRowsSeen(const AttentionPlan& plan, int modelWindow, std::int64_t prompt, std::int64_t p) {
    // Only what Scissorhands leaves falls again, from N + 1.
    if (const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep); scissors && modelWindow == 0)
        return std::min<std::int64_t>(p, scissors->budget) + 1;
    return rowsSeen(plan, modelWindow, true, prompt, p);
}

namespace {

// What a read of S rows reports, per KV head, with n = min(k, S) rows read of SparQ:
//
//   2·4·g·S  a dense read spills its logits: written, and read with the heads' (m, l) to be weights
//   2·4·g·n  SparQ, feedback=exact: the logits of the n rows that it reads, the same
//   4·n      and their slots, read once more
//   4·g·S    SparQ, feedback=estimate, and top-k V: the approximate, or exact, logits of all rows, which lie there already,
//            are read once more
//   2·4·g·R and 4·R, of all KV heads: Quest, of the R rows of its pages what SparQ does of its n
Traffic predictReports(const AttentionPlan& plan, StepShape shape, std::int64_t S) {
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    const auto* quest = std::get_if<QuestParams>(&plan.read);
    const std::int64_t g = shape.group(), G = shape.kvHeads;
    Traffic layer;
    const auto listed = [&](std::int64_t rows) {
        layer[Component::Scores] = 8 * g * rows;
        layer[Component::Indices] = 4 * rows;
    };
    const bool everything = !shape.planned || std::holds_alternative<ReadAll>(plan.read) ||
                            (quest && shape.layer < quest->skip);
    shape.tokens = S;
    if (everything)
        layer[Component::Scores] = 8 * g * S * G;
    else if (quest)
        listed(questRows(*quest, shape));
    else if (sparq && plan.feedback == AttentionPlan::Feedback::Exact)
        listed(std::min<std::int64_t>(sparq->tokens, S) * G);
    else
        layer[Component::Scores] = 4 * g * S * G;
    return layer;
}

} // namespace

Traffic predictScoring(const AttentionPlan& plan, const StepShape& shape) {
    if (const auto* snap = std::get_if<SnapkvParams>(&plan.keep))
        return predictSnapkv(*snap, shape);
    if (!hearsReads(plan))
        return {};
    const std::int64_t S = rowsSeen(plan, shape.window, shape.keeps, shape.promptTokens(), shape.tokens - 1);
    Traffic layer = predictReports(plan, shape, S);
    if (const auto* h2o = std::get_if<H2oParams>(&plan.keep))
        return layer += predictH2o(*h2o, shape);
    return layer += predictScissorhands(std::get<ScissorhandsParams>(plan.keep), shape);
}

Traffic predictHeldScores(const AttentionPlan& plan, std::int64_t rows, const StepShape& shape) {
    if (std::holds_alternative<H2oParams>(plan.keep))
        return predictHeldH2o(rows, shape);
    if (const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep))
        return predictHeldScissorhands(*scissors, rows, shape);
    if (const auto* snap = std::get_if<SnapkvParams>(&plan.keep))
        return predictHeldSnapkv(*snap, shape);
    return {};
}

} // namespace fovea
