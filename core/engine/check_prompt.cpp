#include "core/engine/check_prompt.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/engine/cache_layout.h"
#include "core/engine/capture.h"
#include "core/engine/memory_estimate.h"
#include "core/methods/share/kv_conversion.h"
#include "core/model/model.h"
#include "core/plan/plan_prefill.h"

namespace fovea {

namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

bool turnsWithLength(const ModelSpec& spec) {
    for (int layer = 0; layer < spec.layers; ++layer)
        if (spec.ropeOf(layer).scaling.kind == RopeScaling::Kind::Dynamic)
            return true;
    return false;
}

// Every row of one kind in one layer.
using Rows = const float* (Capture::*)(int layer, int head) const;

void compareRows(PromptCheck& check, const Capture& stepped, const Capture& atOnce, CheckedPart part,
                 Rows rows, int layer, int heads) {
    const auto d = static_cast<std::size_t>(stepped.headDim());
    for (int head = 0; head < heads; ++head)
        for (std::int64_t position = 0; position < check.tokens; ++position) {
            const std::int64_t at = position * stepped.headDim();
            Deviation off =
                deviationOf({(stepped.*rows)(layer, head) + at, d}, {(atOnce.*rows)(layer, head) + at, d});
            off.part = part;
            off.step = static_cast<int>(position);
            off.layer = layer;
            off.head = head;
            keepLarger(check.layers[static_cast<std::size_t>(layer)], off);
        }
}

void compareCaptures(PromptCheck& check, const Capture& stepped, const Capture& atOnce) {
    for (int layer = 0; layer < stepped.layers(); ++layer) {
        compareRows(check, stepped, atOnce, CheckedPart::Queries, &Capture::q, layer, stepped.queryHeads());
        compareRows(check, stepped, atOnce, CheckedPart::Keys, &Capture::k, layer, stepped.kvHeads());
        compareRows(check, stepped, atOnce, CheckedPart::Values, &Capture::v, layer, stepped.kvHeads());
        keepLarger(check.largest, check.layers[static_cast<std::size_t>(layer)]);
    }
}

} // namespace

// On the bundled model, prompts of 369 and 600 tokens under five keeps: 3.4e-6 in f32, 1.3e-3 in f16, 1.9e-3 in bf16; on a
// model of random weights, which spreads every error, 7e-3 in f16. In two bytes a last bit of f32 may round a row's number
// the other way, 2^-8 of it in bf16 and 2^-11 in f16, and layers add to that: store=f32 is the sharper check.
double promptTolerance(ElementType store) {
    switch (store) {
    case ElementType::F16:
        return 2e-2;
    case ElementType::BF16:
        return 5e-2;
    case ElementType::F32:
        break;
    }
    return 1e-4;
}

bool PromptCheck::within() const {
    return !notChecked.empty() || (largest.relative <= tolerance && sameRows);
}

std::int64_t promptCheckBytes(const ModelSpec& spec, const AttentionPlan& plan, std::int64_t promptTokens) {
    MemoryQuestion question;
    question.plans = {plan, plan};
    question.prompt = promptTokens;
    question.tokens = 1;
    const ModelSpec shared = sharedSpec(spec, plan.share);
    return estimateMemory(spec, question).total() +
           2 * std::min(captureBytes(shared, promptTokens, shared.layers), kNoLimit / 4);
}

PromptCheck checkPrompt(std::shared_ptr<const Model> model, const AttentionPlan& plan,
                        std::span<const int> prompt, Backend backend, double tolerance,
                        const std::function<bool(const PromptCheck&)>& progress,
                        const std::atomic<bool>& cancel, AttentionTap* planted) {
    PromptCheck check;
    check.tolerance = tolerance > 0 ? tolerance : promptTolerance(cacheLayoutFor(plan, model->spec, 1).type);
    check.layers.resize(static_cast<std::size_t>(model->spec.layers));
    if (turnsWithLength(model->spec)) {
        check.notChecked =
            "The prompt was not checked: this model's RoPE changes with the length of a text, so that tokens "
            "fed one by one are turned otherwise than a prompt is.";
        check.done = true;
        return check;
    }
    if (readsPromptInFloats(plan)) {
        check.notChecked = "The prompt was not checked: it is read in floats, and its tokens one by one are read through "
                           "the store's codes; add prefill=quantised to the plan.";
        check.done = true;
        return check;
    }
    SessionOptions options{.backend = backend, .captureBudget = kNoLimit, .capacity = std::ssize(prompt)};
    Session atOnce(model, plan, options);
    options.tap = planted;
    Session stepped(model, plan, options);
    const auto before = prompt.first(prompt.size() - 1);
    if (!atOnce.prefill(before, cancel))
        return check;
    for (const int token : before) {
        stepped.step(token, false);
        check.tokens += 1;
        if (cancel || (progress && !progress(check)))
            return check;
    }
    compareCaptures(check, *stepped.capture(), *atOnce.capture());
    const StepRecord a = stepped.step(prompt.back(), false), b = atOnce.step(prompt.back(), false);
    check.sameRows = a.liveSlots == b.liveSlots && a.held.counted == b.held.counted;
    check.logits = deviationOf(stepped.logits(), atOnce.logits());
    check.logits.part = CheckedPart::Logits;
    check.logits.step = static_cast<int>(check.tokens);
    keepLarger(check.largest, check.logits);
    check.done = true;
    return check;
}

} // namespace fovea
