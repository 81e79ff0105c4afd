#pragma once
// What texts that are decoded at once on the GPU's backend are held to. Included last, for it brings in catch2/catch.hpp.

#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/batch.h"
#include "core/engine/session.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

namespace fovea::test {

// Prompts of `first`, first + more, … tokens, each of its own.
inline std::vector<std::vector<int>> promptsOf(int texts, int first, int more) {
    std::vector<std::vector<int>> prompts;
    for (int i = 0; i < texts; ++i)
        prompts.push_back(randomTokens(first + more * i, 50, static_cast<unsigned>(i) + 1));
    return prompts;
}

// Each text is given what it is given alone, bit for bit, and what all of them cost is a closed form, but for more texts
// than weights are read once for. The plan acts from step `plannedFrom` on.
inline void requireAsAlone(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                           const std::vector<std::vector<int>>& prompts, int steps, int plannedFrom) {
    constexpr int kTextsPerWeight = 8;
    const int texts = static_cast<int>(prompts.size());
    Batch batch(model, plan, texts, 0, Backend::Cuda);
    std::vector<Session> alone;
    for (int i = 0; i < texts; ++i) {
        const std::span<const int> prompt(prompts[static_cast<std::size_t>(i)]);
        alone.emplace_back(model, plan, SessionOptions{.backend = Backend::Cuda});
        if (prompt.empty())
            continue;
        REQUIRE(batch.prefill(i, prompt, kGoOn));
        REQUIRE(alone.back().prefill(prompt, kGoOn));
    }
    for (int step = 0; step < steps; ++step) {
        std::vector<Batch::Fed> fed;
        for (int i = 0; i < texts; ++i)
            fed.push_back({i, (7 * i + step) % 50});
        const StepCost together = batch.step(fed, step >= plannedFrom);
        if (texts <= kTextsPerWeight)
            requireSame(together.formula, together.counted);
        for (int i = 0; i < texts; ++i) {
            Session& one = alone[static_cast<std::size_t>(i)];
            one.step(fed[static_cast<std::size_t>(i)].token, step >= plannedFrom);
            const auto a = batch.logits(i), b = one.logits();
            REQUIRE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
        }
    }
}

// Steps in which some texts are left out, planned ones between others, so that texts whose keep acts stand beside others:
// each is given what it is given alone, bit for bit, the CPU's texts are given nearly the same, and formula = counted.
inline void requireRagged(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                          const std::vector<std::vector<int>>& prompts) {
    struct Step {
        std::vector<int> texts;
        bool planned;
    };
    const std::vector<Step> steps = {{{0, 1, 2, 3}, false}, {{3, 1}, true},       {{0, 1, 2, 3}, false},
                                     {{2, 0, 1}, true},     {{0, 1, 2, 3}, true}, {{1}, true},
                                     {{2, 3}, true},        {{3, 0, 2, 1}, true}};
    const double bound = toText(plan).find("store=") == std::string::npos ? 1e-4 : 2e-2;
    const int texts = static_cast<int>(prompts.size());
    Batch batch(model, plan, texts, 0, Backend::Cuda), host(model, plan, texts);
    std::vector<Session> alone;
    for (int i = 0; i < texts; ++i) {
        const std::span<const int> prompt(prompts[static_cast<std::size_t>(i)]);
        alone.emplace_back(model, plan, SessionOptions{.backend = Backend::Cuda});
        if (prompt.empty())
            continue;
        for (Batch* of : {&batch, &host})
            REQUIRE(of->prefill(i, prompt, kGoOn));
        REQUIRE(alone.back().prefill(prompt, kGoOn));
    }
    for (std::size_t step = 0; step < steps.size(); ++step) {
        INFO("step " << step);
        std::vector<Batch::Fed> fed;
        for (const int i : steps[step].texts)
            fed.push_back({i, (7 * i + static_cast<int>(step)) % 50});
        const StepCost together = batch.step(fed, steps[step].planned);
        host.step(fed, steps[step].planned);
        requireSame(together.formula, together.counted);
        for (const auto& [text, token] : fed) {
            INFO("text " << text);
            Session& one = alone[static_cast<std::size_t>(text)];
            one.step(token, steps[step].planned);
            const auto a = batch.logits(text), b = one.logits();
            REQUIRE(std::equal(a.begin(), a.end(), b.begin(), b.end()));
            REQUIRE(difference(a, host.logits(text)) < bound);
        }
    }
    REQUIRE(batch.whyLeft().empty());
}

} // namespace fovea::test
