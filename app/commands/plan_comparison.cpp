#include "app/commands/plan_comparison.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "app/commands/usage_error.h"
#include "core/model/model.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

class PlanComparison {
public:
    PlanComparison(const PreparedRun& prepared, const std::function<void()>& onStep,
                   const std::atomic<bool>& cancel)
        : m_prepared(prepared), m_onStep(onStep), m_cancel(cancel) {}

    CompareReport compare(const std::vector<AttentionPlan>& plans) {
        for (const AttentionPlan& plan : plans) // the last as well before the first runs
            if (const auto why = refusal(plan, m_prepared.model->spec))
                throw PlanError(*why);
        const Run chosen = runFreely(plans.front(), m_prepared.generate.ignoreEnd);
        m_tokens.assign(chosen.tokens.begin() + chosen.promptTokens, chosen.tokens.end());
        std::vector<std::optional<std::int64_t>> divergent(plans.size());
        // Before anything is timed: these runs warm the machine up for all alike.
        for (std::size_t i = 1; i < plans.size(); ++i)
            divergent[i] = firstOther(chosen, runFreely(plans[i], true));

        CompareReport report{.text = textOf(*m_prepared.tokenizer, chosen.tokens), .plans = {}};
        const Run baseline = runForced(plans.front());
        for (std::size_t i = 0; i < plans.size(); ++i) {
            Run run = i == 0 ? baseline : runForced(plans[i]);
            const Comparison comparison = compareRuns(baseline, run);
            run.logits.reset(); // two runs' logits at a time are enough
            report.plans.push_back({std::make_shared<const Run>(std::move(run)), comparison, divergent[i]});
        }
        return report;
    }

private:
    Run execute(const AttentionPlan& plan, const GenerateOptions& options) {
        const auto observe = [&](const Run&) {
            m_onStep();
            return true;
        };
        Run run = generate(m_prepared.model, plan, m_prepared.prompt, options, observe, m_cancel);
        tellWhyLeft(run.whyLeft);
        if (m_cancel)
            throw Interrupted();
        return run;
    }

    Run runFreely(const AttentionPlan& plan, bool ignoreEnd) {
        GenerateOptions options = m_prepared.generate;
        options.ignoreEnd = ignoreEnd;
        if (!m_tokens.empty())
            options.tokens = std::ssize(m_tokens);
        return execute(plan, options);
    }

    Run runForced(const AttentionPlan& plan) {
        GenerateOptions options = m_prepared.generate;
        options.tokens = std::ssize(m_tokens);
        options.forced = m_tokens;
        options.keepLogits = true;
        return execute(plan, options);
    }

    static std::optional<std::int64_t> firstOther(const Run& baseline, const Run& other) {
        for (std::size_t i = 0; i < std::min(baseline.steps.size(), other.steps.size()); ++i)
            if (baseline.steps[i].token != other.steps[i].token)
                return baseline.steps[i].position;
        return std::nullopt;
    }

    const PreparedRun& m_prepared;
    const std::function<void()>& m_onStep;
    const std::atomic<bool>& m_cancel;
    std::vector<int> m_tokens; // chosen by the first plan, after the prompt
};

} // namespace

std::int64_t comparisonSteps(const PreparedRun& prepared, std::size_t plans) {
    return prepared.generate.tokens * static_cast<std::int64_t>(2 * plans);
}

CompareReport comparePlans(const PreparedRun& prepared, const std::vector<AttentionPlan>& plans,
                           const std::function<void()>& onStep, const std::atomic<bool>& cancel) {
    return PlanComparison(prepared, onStep, cancel).compare(plans);
}

} // namespace fovea
