#include "core/tasks/sweep.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/model/checkpoint_error.h"
#include "core/plan/plan_template.h"

namespace fovea {

namespace {

// What a text means, or why it means nothing here.
struct Meant {
    std::optional<AttentionPlan> plan;
    std::string refused;
};

Meant meaningOf(const std::string& text, const Evaluation& evaluation) {
    try {
        AttentionPlan plan = parsePlan(text);
        if (auto why = evaluation.refusal(plan))
            return {.plan = std::nullopt, .refused = std::move(*why)};
        return {.plan = std::move(plan), .refused = {}};
    } catch (const PlanError& error) {
        return {.plan = std::nullopt, .refused = error.what()};
    }
}

SweepRow refusedRow(const std::string& text, std::string why) {
    SweepRow row;
    row.plan = text;
    row.method = methodOf(text);
    std::replace(why.begin(), why.end(), '\n', ' ');
    row.refused = std::move(why);
    return row;
}

} // namespace

SweepArguments sweepArguments(std::string model, const Task& task, const TaskOptions& options, int samples,
                              Backend backend, const std::string& textName) {
    const TaskFacts& facts = task.facts();
    SweepArguments a;
    a.model = std::move(model);
    a.task = facts.name;
    a.figures = facts.figures;
    a.metric = facts.metric;
    a.higherBetter = facts.higherBetter;
    a.high = facts.high;
    a.samples = samples;
    a.seed = options.seed;
    a.text = textMark(textName, options.text);
    a.backend = backendName(backend);
    return a;
}

SweepTable resumedSweep(std::string_view csv, const SweepArguments& arguments) {
    SweepTable table = readSweepCsv(csv);
    if (const std::string why = differenceOf(table.arguments, arguments); !table.rows.empty() && !why.empty())
        throw SweepError("is another sweep's: " + why);
    table.arguments = arguments;
    std::erase_if(table.rows, [](const SweepRow& row) { return !row.refused.empty(); });
    return table;
}

std::vector<std::string> sweepPlans(const std::vector<std::string>& templates) {
    std::vector<std::string> plans = {"dense"};
    for (const std::string& text : templates)
        for (std::string plan : expandPlans(text)) {
            try {
                plan = toText(parsePlan(plan));
            } catch (const PlanError&) {
                // sweep() says why
            }
            if (std::find(plans.begin(), plans.end(), plan) == plans.end())
                plans.push_back(std::move(plan));
        }
    return plans;
}

std::int64_t sweepSteps(const Evaluation& evaluation, const std::vector<std::string>& plans,
                        const SweepTable& done) {
    std::int64_t steps = 0;
    for (const std::string& text : plans) {
        if (done.find(text))
            continue;
        const Meant meant = meaningOf(text, evaluation);
        // Dense runs are made once and kept, as far as there is room.
        if (meant.plan)
            steps += evaluation.steps(*meant.plan) - (steps > 0 ? evaluation.steps({}) : 0);
    }
    return steps;
}

std::vector<AttentionPlan> readablePlans(const std::vector<std::string>& texts) {
    std::vector<AttentionPlan> plans;
    for (const std::string& text : texts)
        try {
            plans.push_back(parsePlan(text));
        } catch (const PlanError&) {
            continue;
        }
    return plans;
}

MemoryQuestion sweepMemory(const Task& task, const ModelSpec& spec, const std::vector<AttentionPlan>& plans) {
    const TaskSample sample = task.sample(0);
    MemoryQuestion question;
    question.plans = {AttentionPlan{}};
    question.prompt = std::ssize(sample.prompt);
    question.tokens = sample.steps();
    question.keepsLogits = true;
    const AttentionPlan* largest = nullptr;
    std::int64_t most = 0;
    for (const AttentionPlan& plan : plans) {
        if (refusal(plan, spec))
            continue;
        MemoryQuestion one = question;
        one.plans.push_back(plan);
        if (const std::int64_t total = estimateMemory(spec, one).total(); total > most) {
            most = total;
            largest = &plan;
        }
    }
    if (largest)
        question.plans.push_back(*largest);
    return question;
}

namespace {

// What it scored, or why it cannot: weights that cannot be rounded and calibrations that are broken are found only when they
// are about to be used. Nothing when cancelled.
std::optional<SweepRow> judged(Evaluation& evaluation, const std::string& text, const AttentionPlan& plan,
                               const std::function<void()>& step, const std::atomic<bool>& cancel) {
    try {
        const PlanScore score = evaluation.evaluate(plan, step, cancel);
        if (cancel)
            return std::nullopt;
        const bool numbers = std::isfinite(score.mean) && std::isfinite(score.klMean);
        return numbers ? rowOf(score) : refusedRow(text, "what the model says under it are no numbers");
    } catch (const PlanError& error) {
        return refusedRow(text, error.what());
    } catch (const CheckpointError& error) {
        return refusedRow(text, error.what());
    }
}

} // namespace

void sweep(Evaluation& evaluation, const std::vector<std::string>& plans, SweepTable& table,
           const SweepObserver& observer, const std::atomic<bool>& cancel) {
    for (const std::string& text : plans) {
        if (cancel)
            return;
        if (table.find(text))
            continue;
        const Meant meant = meaningOf(text, evaluation);
        if (!meant.plan) {
            table.rows.push_back(refusedRow(text, meant.refused));
        } else {
            auto row = judged(evaluation, text, *meant.plan, observer.step, cancel);
            if (!row)
                return;
            table.rows.push_back(std::move(*row));
        }
        observer.row(table);
    }
}

} // namespace fovea
