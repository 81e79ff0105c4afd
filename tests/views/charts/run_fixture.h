#pragma once
// Runs with bytes from the closed forms of the methods' sheet, written out again here, and made-up seconds.

#include <cmath>
#include <memory>

#include "core/engine/compare.h"
#include "core/engine/run.h"

namespace fovea::testing {

inline ModelSpec smallSpec() {
    ModelSpec spec;
    spec.name = "fovea-mini-gqa";
    spec.layers = 8;
    spec.width = 256;
    spec.queryHeads = 8;
    spec.kvHeads = 2;
    spec.headDim = 32;
    spec.context = 1024;
    spec.type = ElementType::F16;
    spec.parameters = 6'000'000;
    return spec;
}

// Moved by one step at S tokens: dense 2·S·d per KV head and layer, SparQ S·r + 2·k·d, with its lists and
// sums.
inline Traffic movedAt(const ModelSpec& spec, const AttentionPlan& plan, std::int64_t tokens, bool planned) {
    const std::int64_t heads = std::int64_t{spec.layers} * spec.kvHeads, d = spec.headDim, e = 2;
    Traffic t;
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    if (!sparq || !planned) {
        t[Component::Keys] = heads * (tokens + 1) * d * e;
        t[Component::Values] = heads * (tokens + 1) * d * e;
    } else {
        const auto k = std::min<std::int64_t>(sparq->tokens, tokens);
        t[Component::Keys] = heads * (k + 1) * d * e;
        t[Component::Values] = heads * (k + 1) * d * e;
        t[Component::KeyColumns] = heads * (tokens * sparq->components + d) * e;
        t[Component::Mean] = heads * 3 * d * 4;
        t[Component::Scores] = heads * 4 * tokens * 4 * 2;
        t[Component::Indices] = heads * k * 4 * 2;
    }
    t[Component::Weights] = spec.parameters * e;
    return t;
}

inline Traffic heldAt(const ModelSpec& spec, const AttentionPlan& plan, std::int64_t tokens) {
    const std::int64_t row = std::int64_t{spec.layers} * spec.kvHeads * spec.headDim * 2;
    Traffic t;
    t[Component::Keys] = t[Component::Values] = row * tokens;
    if (std::holds_alternative<SparqParams>(plan.read)) {
        t[Component::KeyColumns] = row * tokens;
        t[Component::Mean] = row * 2;
    }
    return t;
}

// `tokens` positions, the plan acting from `prompt` on; `wrong` is added to what was counted at the last
// step.
inline std::shared_ptr<Run> makeRun(const AttentionPlan& plan, std::int64_t tokens, std::int64_t prompt) {
    auto run = std::make_shared<Run>();
    run->spec = smallSpec();
    run->plan = plan;
    run->promptTokens = run->decodeFrom = prompt;
    run->backend = "cpu";
    for (std::int64_t i = 0; i < tokens; ++i) {
        StepRecord step;
        step.position = i;
        step.planned = i >= prompt;
        step.formula = step.counted = movedAt(run->spec, plan, i + 1, step.planned);
        step.held.formula = step.held.counted = heldAt(run->spec, plan, i + 1);
        const double noise =
            1 + 0.18 * std::sin(12.9898 * static_cast<double>(i)) * std::cos(78.2 * static_cast<double>(i));
        step.attentionSeconds = (static_cast<double>(step.counted.attention()) / 21e9 + 12e-6) * noise;
        step.seconds = step.attentionSeconds * 3;
        run->steps.push_back(step);
    }
    return run;
}

inline AttentionPlan sparqPlan(int r = 8, int k = 64) {
    AttentionPlan plan;
    plan.read = SparqParams{.components = r, .tokens = k};
    return plan;
}

inline std::shared_ptr<Comparison> makeComparison(std::int64_t tokens, std::int64_t prompt) {
    auto comparison = std::make_shared<Comparison>();
    double sum = 0;
    for (std::int64_t i = 0; i < tokens; ++i) {
        const double wave = std::sin(static_cast<double>(i) * 1.7) * std::sin(static_cast<double>(i) * 0.31);
        comparison->kl.push_back(i < prompt ? 0.f : static_cast<float>(0.04 * wave * wave));
        sum += static_cast<double>(comparison->kl.back());
        comparison->klMax = std::max<double>(comparison->klMax, comparison->kl.back());
    }
    comparison->klMean = sum / static_cast<double>(tokens);
    comparison->agreement = 0.989;
    comparison->firstDivergent = prompt + 20;
    return comparison;
}

} // namespace fovea::testing
