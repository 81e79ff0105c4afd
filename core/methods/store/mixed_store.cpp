#include "core/methods/store/mixed_store.h"

#include <algorithm>
#include <variant>

#include "core/methods/step_shape.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

Traffic bytesOf(const MixedForm& form, const StepShape& shape, Component rows, std::int64_t exact,
                std::int64_t coded, std::int64_t sides) {
    Traffic bytes;
    const bool own = form.sizes.sharing == 1;
    bytes[rows] = exact * shape.headDim * elementBytes(shape.store) + coded * form.sizes.codes;
    bytes[Component::Scales] = (own ? coded : sides) * form.sizes.side;
    return bytes;
}

// The most of `rows` that a read takes of one KV head.
std::int64_t rowsRead(const AttentionPlan& plan, const StepShape& shape, Component rows, std::int64_t held) {
    if (!shape.planned)
        return held;
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        return std::min<std::int64_t>(held, sparq->tokens);
    if (const auto* topv = std::get_if<TopvParams>(&plan.read); topv && rows == Component::Values)
        return std::min<std::int64_t>(held, topv->tokens);
    if (const auto* quest = std::get_if<QuestParams>(&plan.read); quest && shape.layer >= quest->skip)
        return std::min<std::int64_t>(held, std::int64_t{quest->pages} * quest->page);
    return held;
}

// Of a text of which no token has left, of one KV head.
MixedCount countOf(const AttentionPlan& plan, const MixedForm& form, const StepShape& shape, Component rows) {
    const std::int64_t T = shape.tokens, exact = form.exact.of(T), read = rowsRead(plan, shape, rows, T);
    const std::int64_t sharing = form.sizes.sharing, codedRead = read - std::min(read, exact);
    MixedCount count;
    count.exact = std::min(read, exact) + (shape.ownsKv && form.exact.keepNewest(T - 1) ? 1 : 0);
    count.coded = shape.ownsKv ? form.exact.due(T) : 0;
    count.heldExact = exact;
    if (sharing == 1)
        return count;
    count.heldSides = (T - exact + sharing - 1) / sharing;
    count.sides = (read == T ? count.heldSides : codedRead) + (count.coded + sharing - 1) / sharing;
    return count;
}

MixedCount countOfLayer(const AttentionPlan& plan, const MixedForm& form, const StepShape& shape, Component rows) {
    if (shape.mixedCounts)
        return rows == Component::Keys ? shape.mixedCounts->keys : shape.mixedCounts->values;
    MixedCount layer;
    const MixedCount head = countOf(plan, form, shape, rows);
    for (int i = 0; i < shape.kvHeads; ++i)
        layer += head;
    return layer;
}

Traffic movedBy(const MixedCount& n, const MixedForm& form, const StepShape& shape, Component rows) {
    return bytesOf(form, shape, rows, n.exact + n.coded, n.coded - n.exact - 2 * n.still, n.sides);
}

} // namespace

Traffic predictMixed(const AttentionPlan& plan, const StepShape& shape) {
    if (!shape.mixed)
        return {};
    const auto& [keys, values] = *shape.mixed;
    const MixedCount k = countOfLayer(plan, keys, shape, Component::Keys),
                     v = countOfLayer(plan, values, shape, Component::Values);
    Traffic layer = movedBy(k, keys, shape, Component::Keys);
    layer += movedBy(v, values, shape, Component::Values);
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    if (sparq && sparq->alpha)
        layer[Component::Mean] = v.coded * 8 * shape.headDim * shape.valueSums;
    if (const auto* quest = std::get_if<QuestParams>(&plan.read); quest && questKeepsBounds(*quest, shape))
        layer[Component::Bounds] = k.coded * 4 * shape.headDim * elementBytes(shape.store);
    return layer;
}

Traffic predictHeldMixed(const StepShape& shape) {
    if (!shape.mixed || !shape.ownsKv)
        return {};
    const auto& [keys, values] = *shape.mixed;
    const MixedCount k = countOfLayer({}, keys, shape, Component::Keys),
                     v = countOfLayer({}, values, shape, Component::Values);
    Traffic layer = bytesOf(keys, shape, Component::Keys, k.heldExact, -k.heldExact, k.heldSides);
    return layer += bytesOf(values, shape, Component::Values, v.heldExact, -v.heldExact, v.heldSides);
}

} // namespace fovea
