#include "core/methods/keep/keep_rule.h"

#include <algorithm>
#include <variant>

#include "core/methods/keep/scored_keep.h"
#include "core/methods/step_shape.h"
#include "core/methods/store/store.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

std::int64_t KeepRule::oldest(std::int64_t p) const {
    return std::max(growth ? growth->oldest(p) : std::max<std::int64_t>(0, p - window), p - reach);
}

KeepRule KeepRule::at(std::int64_t p) const {
    KeepRule now = *this;
    if (growth)
        now.window = p - growth->oldest(p);
    now.growth.reset();
    return now;
}

bool KeepRule::sees(std::int64_t p, std::int64_t j) const {
    return p - j <= reach && (j < sinks || j >= oldest(p));
}

namespace {

// The first p > j whose window begins behind j. Windows only move forward, so it lies between two powers of two.
std::int64_t leavesAt(const SpanGrowth& growth, std::int64_t j) {
    std::int64_t step = 1;
    while (step < KeepRule::kUnbounded && growth.oldest(j + step) <= j)
        step *= 2;
    if (step >= KeepRule::kUnbounded)
        return KeepRule::kUnbounded + j + 1;
    std::int64_t seen = j + step / 2, unseen = j + step;
    while (unseen - seen > 1) {
        const std::int64_t middle = seen + (unseen - seen) / 2;
        (growth.oldest(middle) <= j ? seen : unseen) = middle;
    }
    return unseen;
}

} // namespace

std::int64_t KeepRule::unseenFrom(std::int64_t j) const {
    if (j < sinks)
        return j + 1 + reach;
    return growth ? std::min(leavesAt(*growth, j), j + 1 + reach) : j + 1 + std::min(window, reach);
}

std::int64_t KeepRule::seen(std::int64_t p) const {
    const std::int64_t first = oldest(p), reached = std::max<std::int64_t>(0, p - reach);
    return p + 1 - first + std::max<std::int64_t>(0, std::min(sinks, first) - reached);
}

std::int64_t KeepRule::distanceTo(std::int64_t p, std::int64_t j) const {
    if (j >= sinks || distance == Distance::Original)
        return p - j;
    if (distance == Distance::Capped)
        return std::min(p - j, cap);
    return p - j - (p + 1 - seen(p)); // every token not seen was evicted from between
}

std::int64_t KeepRule::longestDistance() const {
    if (growth)
        return reach;
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

KeepRule keepRule(const AttentionPlan& plan, std::int64_t modelWindow, bool acts, HeadPlace place) {
    KeepRule rule;
    if (const auto* streaming = std::get_if<StreamingParams>(&plan.keep); streaming && acts)
        rule = streamingRule(*streaming);
    else if (const auto* infinite = std::get_if<LmInfiniteParams>(&plan.keep); infinite && acts)
        rule = lmInfiniteRule(*infinite);
    else if (const auto* moa = std::get_if<MoaParams>(&plan.keep); moa && acts)
        rule = moaRule(*moa, place.layer, place.head);
    if (modelWindow > 0) {
        rule.reach = modelWindow - 1;
        rule.distance = KeepRule::Distance::Original;
    }
    return rule;
}

LayerKeep::LayerKeep(const AttentionPlan& plan, int layer, std::int64_t modelWindow, bool acts,
                     int queryHeads, int kvHeads, std::span<const int> readers)
    : m_group(std::max(1, queryHeads / std::max(1, kvHeads))) {
    const auto* moa = std::get_if<MoaParams>(&plan.keep);
    m_one = keepRule(plan, modelWindow, acts, {layer, 0});
    if (!moa || !moa->spans || !acts)
        return;
    for (int head = 0; head < queryHeads; ++head)
        m_rules.push_back(keepRule(plan, modelWindow, acts, {layer, head}));
    for (std::size_t i = 0; readers.size() > 1 && i < readers.size(); ++i)
        for (int head = 0; head < queryHeads; ++head)
            m_all.push_back(keepRule(plan, modelWindow, acts, {readers[i], head}));
}

LayerKeep::LayerKeep(const AttentionPlan& plan, const ModelSpec& spec, int layer, bool acts)
    : LayerKeep(plan, layer, spec.window(layer), acts, spec.queryHeads, spec.kvHeads,
                kvReaders(spec, layer)) {}

const KeepRule& LayerKeep::of(int queryHead) const {
    return same() ? m_one : m_rules[static_cast<std::size_t>(queryHead)];
}

// Of layer after layer of `rules` the heads of one group.
KeepRule LayerKeep::longest(const std::vector<KeepRule>& rules, int kvHead, std::int64_t p) const {
    if (same())
        return of(0);
    const std::size_t first = static_cast<std::size_t>(kvHead * m_group), heads = m_rules.size();
    if (m_group == 1 && rules.size() == heads)
        return rules[first];
    KeepRule longest = rules[first].at(p);
    for (std::size_t layer = 0; layer < rules.size(); layer += heads)
        for (std::size_t head = layer + first; head < layer + first + static_cast<std::size_t>(m_group);
             ++head)
            longest.window = std::max(longest.window, rules[head].at(p).window);
    return longest;
}

KeepRule LayerKeep::read(int kvHead, std::int64_t p) const {
    return longest(m_rules, kvHead, p);
}

KeepRule LayerKeep::held(int kvHead, std::int64_t p) const {
    return longest(m_all.empty() ? m_rules : m_all, kvHead, p);
}

std::int64_t LayerKeep::leavesAt(int kvHead, std::int64_t j) const {
    if (same())
        return of(0).unseenFrom(j);
    const std::vector<KeepRule>& rules = m_all.empty() ? m_rules : m_all;
    std::int64_t last = 0;
    for (std::size_t rule = 0; rule < rules.size(); ++rule)
        if (static_cast<int>(rule % m_rules.size()) / m_group == kvHead)
            last = std::max(last, rules[rule].unseenFrom(j));
    return last;
}

bool LayerKeep::parted(int kvHead, std::int64_t p) const {
    const int first = kvHead * m_group;
    for (int head = first + 1; !same() && head < first + m_group; ++head)
        if (of(head).seen(p) != of(first).seen(p))
            return true;
    return false;
}

const LayerKeep& layerKeepOf(const AttentionPlan& plan, const StepShape& shape,
                             std::optional<LayerKeep>& made) {
    if (shape.keep)
        return *shape.keep;
    return made.emplace(plan, shape.layer, shape.window, shape.keeps, shape.queryHeads, shape.kvHeads,
                        shape.readers);
}

int valueSumsPerHead(const AttentionPlan& plan, int group) {
    const auto* moa = std::get_if<MoaParams>(&plan.keep);
    return moa && moa->spans ? group : 1;
}

namespace {

// Rows that leave a sum in a step: at its end those that the next query will not see, before the first planned
// step those that the plan does not keep. `kept` and `own`: of the sum's heads, with the plan's keep and without.
std::int64_t droppedRows(const KeepRule& kept, const KeepRule& own, const StepShape& shape) {
    const std::int64_t p = shape.tokens - 1;
    const std::int64_t atEnd = kept.seen(p) - (kept.seen(p + 1) - 1);
    return shape.takesOver ? atEnd + own.seen(p) - kept.seen(p) : atEnd;
}

// Over all sums of a layer. One that is kept for a query head follows what this head sees; one for the whole
// KV head what that holds, and then heads do not differ.
std::int64_t droppedFromSums(const AttentionPlan& plan, const StepShape& shape) {
    if (scoresTokens(plan)) {
        const std::int64_t p = shape.tokens - 1;
        const auto seen = [&](std::int64_t at, bool acts) {
            return rowsSeen(plan, shape.window, acts, shape.promptTokens(), at);
        };
        const std::int64_t atEnd = seen(p, shape.keeps) - (seen(p + 1, shape.keeps) - 1);
        return shape.kvHeads * (shape.takesOver ? atEnd + seen(p, false) - seen(p, true) : atEnd);
    }
    const KeepRule own = keepRule(plan, shape.window, false);
    std::optional<LayerKeep> made;
    const LayerKeep& keep = layerKeepOf(plan, shape, made);
    const int sums = shape.kvHeads * valueSumsPerHead(plan, shape.group());
    if (keep.same())
        return sums * droppedRows(keep.of(0), own, shape);
    std::int64_t dropped = 0;
    for (int head = 0; head < shape.queryHeads; ++head)
        dropped += droppedRows(keep.of(head), own, shape);
    return dropped;
}

} // namespace

Traffic predictEviction(const AttentionPlan& plan, const StepShape& shape) {
    const std::int64_t d = shape.headDim, row = d * elementBytes(shape.store);
    const auto* sparq = std::get_if<SparqParams>(&plan.read);

    Traffic layer;
    layer += predictRows(shape, Component::Keys, 2 * shape.moved);
    layer += predictRows(shape, Component::Values, 2 * shape.moved);
    if (sparq)
        layer[Component::KeyColumns] = 2 * row * shape.moved;
    if (sparq && sparq->alpha) {
        const std::int64_t dropped = droppedFromSums(plan, shape);
        layer += predictRows(shape, Component::Values, dropped + shape.resummed);
        layer[Component::Mean] = 8 * d * dropped + 4 * d * shape.sums;
    }
    if (const auto* quest = std::get_if<QuestParams>(&plan.read); quest && questKeepsBounds(*quest, shape))
        layer[Component::Bounds] = 4 * row * shape.moved;
    return layer;
}

} // namespace fovea
