#pragma once
// What every plan on the GPU's backend is held to. Included last, for it brings in catch2/catch.hpp.

#include <ATen/Context.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/check.h"
#include "core/engine/session.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

namespace fovea::test {

constexpr std::int64_t kPrompt = 40, kTokens = 56;

inline std::shared_ptr<const Model> smallModel() {
    at::manual_seed(5);
    return randomModel(
        {.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 32, .ffn = 64, .context = 400});
}

// A prompt, steps before the plan acts and steps under it: logits of the CPU, formula = counted, as many rows held.
inline void requireSameSteps(const std::shared_ptr<const Model>& model, const AttentionPlan& plan) {
    const auto tokens = randomTokens(kTokens);
    const std::span<const int> all = tokens;
    REQUIRE_FALSE(refusal(plan, model->spec));
    // Where rows are rounded a last bit of a product may be one of theirs; what attention itself makes of the same rows
    // requireSameAttention has.
    const double bound = toText(plan).find("store=") == std::string::npos ? 1e-4 : 2e-2;
    Session cpu(model, plan, {}), gpu(model, plan, {.backend = Backend::Cuda});
    for (Session* session : {&cpu, &gpu})
        REQUIRE(session->prefill(all.first(kPrompt - 2), kGoOn));
    for (std::int64_t p = kPrompt - 2; p < kTokens; ++p) {
        INFO("position " << p);
        const int token = tokens[static_cast<std::size_t>(p)];
        const StepRecord there = gpu.step(token, p >= kPrompt), here = cpu.step(token, p >= kPrompt);
        REQUIRE(difference(gpu.logits(), cpu.logits()) < bound);
        requireSame(there.formula, there.counted);
        requireSame(there.held.formula, there.held.counted);
        REQUIRE(there.liveSlots == here.liveSlots);
        REQUIRE(there.evicted == here.evicted);
    }
    REQUIRE(gpu.backend() == Backend::Cuda);
}

// Head by head, on the same rows.
inline void requireSameAttention(const std::shared_ptr<const Model>& model, const AttentionPlan& plan) {
    CheckOptions options;
    options.backends[0] = Backend::Cpu;
    options.backends[1] = Backend::Cuda;
    const CheckReport report = checkBackends(model, plan, randomTokens(kPrompt), options, {}, kGoOn);
    INFO(report.largest.relative);
    CHECK(report.steps.size() == 16);
    CHECK(report.within());
}

} // namespace fovea::test
