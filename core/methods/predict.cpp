#include "core/methods/predict.h"

#include <variant>

#include "core/methods/keep/keep_rule.h"
#include "core/methods/read/dense.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

StepShape asStored(const AttentionPlan& plan, StepShape shape) {
    shape.store = plan.store.value_or(shape.store);
    return shape;
}

KeepRule ruleOf(const AttentionPlan& plan, const StepShape& shape) {
    return keepRule(plan, shape.window, shape.keeps);
}

} // namespace

Traffic predictMoved(const AttentionPlan& plan, const StepShape& shape) {
    StepShape stored = asStored(plan, shape);
    Traffic layer = predictEviction(plan, stored);
    stored.tokens = ruleOf(plan, shape).seen(shape.tokens - 1);
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        return layer += predictSparq(*sparq, stored);
    return layer += predictDense(stored);
}

Traffic predictHeld(const AttentionPlan& plan, const StepShape& shape) {
    StepShape stored = asStored(plan, shape);
    // What the next query sees besides itself: the rest left at the end of this step.
    stored.tokens = ruleOf(plan, shape).seen(shape.tokens) - 1;
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read))
        return predictHeldSparq(*sparq, stored);
    return predictHeldDense(stored);
}

// Every matrix is read once, whole, by one matrix-vector product; every norm's gain once:
//
//   per layer   D                attention norm
//               2·H·d·D          query, output
//               2·G·d·D          key, value
//               D                ffn norm
//               3·F·D            gate, up, down
//   once        D                the token's embedding row
//               D                final norm
//               V·D              output head, be it the embedding (tied) or a matrix of its own
Traffic predictWeights(const ModelSpec& spec) {
    const std::int64_t D = spec.width, F = spec.ffn, V = spec.vocabulary, d = spec.headDim;
    const std::int64_t H = spec.queryHeads, G = spec.kvHeads;
    const std::int64_t layer = 2 * D + 2 * H * d * D + 2 * G * d * D + 3 * F * D;

    Traffic traffic;
    traffic[Component::Weights] = (spec.layers * layer + 2 * D + V * D) * elementBytes(spec.type);
    return traffic;
}

} // namespace fovea
