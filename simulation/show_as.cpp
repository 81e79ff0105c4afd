#include "simulation/show_as.h"

#include <algorithm>

#include "core/methods/predict.h"

namespace fovea {

Projection showAs(const AttentionPlan& plan, const ModelSpec& spec, std::span<const std::int64_t> contexts) {
    if (const auto why = refusal(plan, spec))
        throw PlanError(*why);
    Projection projection{.spec = spec, .plan = plan, .steps = {}};
    const Traffic weights = predictWeights(plan, spec);
    const ModelSpec shared = sharedSpec(spec, plan.share);
    for (const std::int64_t tokens : contexts) {
        StepShape shape{.tokens = tokens,
                        .queryHeads = spec.queryHeads,
                        .kvHeads = spec.kvHeads,
                        .headDim = spec.headDim,
                        .store = spec.type};
        ProjectedStep step{.tokens = tokens, .moved = weights, .held = {}};
        for (int layer = 0; layer < spec.layers; ++layer) {
            shape.layer = layer;
            shape.window = spec.window(layer);
            shape.ownsKv = shared.ownsKv(layer);
            step.moved += predictMoved(plan, shape);
            step.held += predictHeld(plan, shape);
        }
        projection.steps.push_back(step);
    }
    return projection;
}

std::vector<std::int64_t> contextRange(std::int64_t first, std::int64_t last, int points) {
    const std::int64_t steps = std::min<std::int64_t>(std::max(points, 2) - 1, last - first);
    std::vector<std::int64_t> contexts = {first};
    for (std::int64_t i = 1; i <= steps; ++i) {
        // Rounded to nearest; the product stays far below 2^63 for any context a model has.
        contexts.push_back(first + ((last - first) * i + steps / 2) / steps);
    }
    return contexts;
}

} // namespace fovea
