#include "core/methods/keep/keep_rule.h"

#include <algorithm>
#include <variant>

#include "core/methods/keep/scored_keep.h"
#include "core/methods/step_shape.h"
#include "core/plan/attention_plan.h"

namespace fovea {

bool KeepRule::sees(std::int64_t p, std::int64_t j) const {
    return (j < sinks || p - j <= window) && p - j <= reach;
}

std::int64_t KeepRule::unseenFrom(std::int64_t j) const {
    return j + 1 + (j < sinks ? reach : std::min(window, reach));
}

std::int64_t KeepRule::seen(std::int64_t p) const {
    const std::int64_t oldest = std::max<std::int64_t>(0, p - std::min(window, reach)); // of the window
    const std::int64_t reached = std::max<std::int64_t>(0, p - reach);
    return p + 1 - oldest + std::max<std::int64_t>(0, std::min(sinks, oldest) - reached);
}

std::int64_t KeepRule::distanceTo(std::int64_t p, std::int64_t j) const {
    if (j >= sinks || distance == Distance::Original)
        return p - j;
    if (distance == Distance::Capped)
        return std::min(p - j, cap);
    return p - j - (p + 1 - seen(p)); // every token not seen was evicted from between
}

std::int64_t KeepRule::longestDistance() const {
    if (sinks == 0)
        return std::min(window, reach);
    switch (distance) {
    case Distance::Cache:
        return window + sinks;
    case Distance::Capped:
        return std::max(window, cap);
    default:
        return reach;
    }
}

KeepRule keepRule(const AttentionPlan& plan, std::int64_t modelWindow, bool acts) {
    KeepRule rule;
    if (const auto* streaming = std::get_if<StreamingParams>(&plan.keep); streaming && acts)
        rule = streamingRule(*streaming);
    else if (const auto* infinite = std::get_if<LmInfiniteParams>(&plan.keep); infinite && acts)
        rule = lmInfiniteRule(*infinite);
    if (modelWindow > 0) {
        rule.reach = modelWindow - 1;
        rule.distance = KeepRule::Distance::Original;
    }
    return rule;
}

namespace {

// Rows that one KV head drops in a step: at its end those that the next query will not see, before the first
// planned step those that the plan does not keep.
std::int64_t droppedRows(const AttentionPlan& plan, const StepShape& shape) {
    const std::int64_t p = shape.tokens - 1;
    const auto seen = [&](std::int64_t at, bool acts) {
        return rowsSeen(plan, shape.window, acts, shape.promptTokens(), at);
    };
    const std::int64_t atEnd = seen(p, shape.keeps) - (seen(p + 1, shape.keeps) - 1);
    return shape.takesOver ? atEnd + seen(p, false) - seen(p, true) : atEnd;
}

} // namespace

Traffic predictEviction(const AttentionPlan& plan, const StepShape& shape) {
    const std::int64_t d = shape.headDim, row = d * elementBytes(shape.store);
    const auto* sparq = std::get_if<SparqParams>(&plan.read);

    Traffic layer;
    layer[Component::Keys] = layer[Component::Values] = 2 * row * shape.moved;
    if (sparq)
        layer[Component::KeyColumns] = row * shape.moved;
    if (sparq && sparq->alpha) {
        const std::int64_t dropped = droppedRows(plan, shape) * shape.kvHeads;
        layer[Component::Values] += row * (dropped + shape.resummed);
        layer[Component::Mean] = 8 * d * dropped + 4 * d * shape.sums;
    }
    return layer;
}

} // namespace fovea
