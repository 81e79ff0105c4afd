#include "core/tasks/evaluate.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/calibrate/calibrated_model.h"
#include "core/engine/compare.h"
#include "core/model/model.h"
#include "core/plan/text_limit.h"

namespace fovea {

namespace {

bool isDense(const AttentionPlan& plan) {
    return plan == AttentionPlan{};
}

// Sums over the samples of one plan, made means at the end.
class Sums {
public:
    void add(const Run& dense, const Run& run) {
        for (const StepRecord& step : run.steps) {
            if (!step.planned)
                continue;
            ++m_steps;
            m_formula += static_cast<double>(step.formula.attention());
            m_counted += static_cast<double>(step.counted.attention());
            m_seconds += step.seconds;
        }
        ++m_samples;
        m_heldFormula += static_cast<double>(run.steps.back().held.formula.attention());
        m_heldCounted += static_cast<double>(run.steps.back().held.counted.attention());
        compare(dense, run);
    }

    void finish(PlanScore& score) const {
        const double steps = static_cast<double>(std::max<std::int64_t>(m_steps, 1));
        const double samples = std::max(m_samples, 1);
        score.moved = {m_formula / steps, m_counted / steps};
        score.held = {m_heldFormula / samples, m_heldCounted / samples};
        score.steps = m_steps;
        score.klMean = m_kl / steps;
        score.klMax = m_klMax;
        score.agreement = m_steps ? static_cast<double>(m_agreed) / steps : 1;
        score.secondsPerStep = m_seconds / steps;
    }

private:
    void compare(const Run& dense, const Run& run) {
        const Comparison all = compareRuns(dense, run);
        for (std::size_t i = 0; i < all.kl.size(); ++i) {
            if (!run.steps[i].planned)
                continue;
            m_kl += all.kl[i];
            m_klMax = std::max(m_klMax, static_cast<double>(all.kl[i]));
            m_agreed += firstChoice(dense, i) == firstChoice(run, i);
        }
    }

    std::int64_t m_steps = 0, m_agreed = 0;
    int m_samples = 0;
    double m_formula = 0, m_counted = 0, m_heldFormula = 0, m_heldCounted = 0;
    double m_kl = 0, m_klMax = 0, m_seconds = 0;
};

} // namespace

Spread spreadOf(const std::vector<double>& values) {
    Spread spread;
    if (values.empty())
        return spread;
    const auto n = static_cast<double>(values.size());
    for (const double x : values)
        spread.mean += x / n;
    double squares = 0;
    for (const double x : values)
        squares += (x - spread.mean) * (x - spread.mean);
    if (values.size() > 1)
        spread.standardError = std::sqrt(squares / (n - 1) / n);
    return spread;
}

Evaluation::Evaluation(std::shared_ptr<const Model> model, std::shared_ptr<const Task> task,
                       EvaluationOptions options)
    : m_model(std::move(model)), m_task(std::move(task)), m_options(options) {
    for (int i = 0; i < m_options.samples; ++i)
        m_samples.push_back(m_task->sample(i));
    m_dense.resize(m_samples.size());
}

std::optional<std::string> Evaluation::refusal(const AttentionPlan& plan) const {
    if (auto why = fovea::refusal(plan, m_model->spec))
        return why;
    if (auto why = calibrationMissing(*m_model, plan))
        return why;
    const std::int64_t limit = std::min<std::int64_t>(textLimit(plan, m_model->spec), m_model->spec.context);
    for (const TaskSample& sample : m_samples)
        if (std::ssize(sample.prompt) + sample.steps() > limit + 1)
            return "a sample of " + std::to_string(std::ssize(sample.prompt) + sample.steps()) +
                   " tokens is longer than the " + std::to_string(limit) + " that the plan can read";
    return std::nullopt;
}

std::int64_t Evaluation::steps(const AttentionPlan& plan) const {
    std::int64_t steps = 0;
    for (std::size_t i = 0; i < m_samples.size(); ++i) {
        const bool free = m_samples[i].follows.empty();
        steps += m_samples[i].steps() * ((m_dense[i] ? 0 : 1) + (isDense(plan) ? 0 : free ? 2 : 1));
    }
    return steps;
}

std::shared_ptr<const Run> Evaluation::run(const TaskSample& sample, const AttentionPlan& plan,
                                           const std::vector<int>& forced,
                                           const std::function<void()>& onStep,
                                           const std::atomic<bool>& cancel) const {
    GenerateOptions options;
    options.tokens = sample.steps();
    options.forced = forced;
    options.ignoreEnd = true; // a text is judged by what it says, and all run equally long
    options.keepLogits = true;
    options.session.backend = m_options.backend;
    const auto observe = [&](const Run&) {
        onStep();
        return true;
    };
    return std::make_shared<const Run>(generate(m_model, plan, sample.prompt, options, observe, cancel));
}

std::shared_ptr<const Run> Evaluation::denseRun(int index, const TaskSample& sample,
                                                const std::function<void()>& onStep,
                                                const std::atomic<bool>& cancel) {
    std::shared_ptr<const Run>& kept = m_dense[static_cast<std::size_t>(index)];
    if (kept)
        return kept;
    auto dense = run(sample, {}, sample.follows, onStep, cancel);
    const auto bytes = dense->logits ? static_cast<std::int64_t>(dense->logits->size() * sizeof(float)) : 0;
    if (!cancel && m_kept + bytes <= m_options.keptBytes) {
        m_kept += bytes;
        kept = dense;
    }
    return dense;
}

PlanScore Evaluation::evaluate(const AttentionPlan& plan, const std::function<void()>& onStep,
                               const std::atomic<bool>& cancel) {
    if (const auto why = refusal(plan))
        throw PlanError(*why);
    PlanScore score;
    score.plan = plan;
    Sums sums;
    for (int i = 0; i < m_options.samples && !cancel; ++i) {
        const TaskSample& sample = m_samples[static_cast<std::size_t>(i)];
        const auto dense = denseRun(i, sample, onStep, cancel);
        if (cancel)
            break;
        std::shared_ptr<const Run> same = dense, judged = dense;
        if (!isDense(plan)) {
            const bool free = sample.follows.empty();
            const std::vector<int> chosen(dense->tokens.begin() + dense->promptTokens, dense->tokens.end());
            judged = same = run(sample, plan, chosen, onStep, cancel);
            if (free && !cancel)
                judged = run(sample, plan, {}, onStep, cancel);
        }
        if (cancel)
            break;
        sums.add(*dense, *same);
        score.scores.push_back(m_task->score(sample, *judged));
    }
    const Spread spread = spreadOf(score.scores);
    score.mean = spread.mean;
    score.standardError = spread.standardError;
    sums.finish(score);
    return score;
}

} // namespace fovea
