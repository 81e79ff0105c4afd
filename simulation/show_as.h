#pragma once
// "Show as": what a plan would move and hold on a model of another shape, by Fovea's own formula. Nothing
// here is measured, and whatever draws it says "formula".

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/traffic.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

struct ProjectedStep {
    std::int64_t tokens = 0; // S, tokens of the text with the current one; a keep may hold fewer
    Traffic moved;           // by this decode step, all layers, parameters included
    Traffic held;            // live bytes of the cache after it, all layers
};

struct Projection {
    ModelSpec spec;
    AttentionPlan plan;
    std::vector<ProjectedStep> steps;
};

// One decode step at each of `contexts` (each >= 1). A plan without a store uses the shape's own float type.
// Throws PlanError when the plan cannot run on the shape.
Projection showAs(const AttentionPlan& plan, const ModelSpec& spec, std::span<const std::int64_t> contexts);

// At most `points` contexts from `first` to `last` (1 <= first <= last), evenly spaced, both ends included.
std::vector<std::int64_t> contextRange(std::int64_t first, std::int64_t last, int points);

} // namespace fovea
