#include "app/commands/eval.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>

#include "app/commands/interrupt.h"
#include "app/commands/task_options.h"
#include "app/commands/terminal.h"
#include "app/commands/usage_error.h"
#include "core/plan/accepted_words.h"
#include "core/trace/evaluation_report.h"

namespace fovea {

namespace {

struct Options {
    TaskCommand task;
    std::vector<std::string> plans;
};

// Dense first, whoever named it, and each plan once.
std::vector<AttentionPlan> plansOf(const Options& options) {
    std::vector<AttentionPlan> plans(1);
    for (const std::string& text : options.plans)
        if (const AttentionPlan plan = parsePlan(text);
            std::find(plans.begin(), plans.end(), plan) == plans.end())
            plans.push_back(plan);
    return plans;
}

void requirePlans(const Evaluation& evaluation, const std::vector<AttentionPlan>& plans) {
    for (const AttentionPlan& plan : plans) // the last as well before the first runs
        if (const auto why = evaluation.refusal(plan))
            throw PlanError(*why);
}

void runEval(const Options& options) {
    const std::vector<AttentionPlan> plans = plansOf(options);
    PreparedTask prepared = prepareTask(options.task, plans);
    Evaluation& evaluation = *prepared.evaluation;
    requirePlans(evaluation, plans);
    const auto& interrupted = watchInterrupt();
    EvaluationReport report{.arguments = prepared.arguments, .plans = {}};
    {
        // The dense runs are counted once.
        std::int64_t steps = 0;
        for (const AttentionPlan& plan : plans)
            steps += evaluation.steps(plan) - (steps > 0 ? evaluation.steps({}) : 0);
        Progress progress("step", steps);
        for (const AttentionPlan& plan : plans) {
            PlanScore score = evaluation.evaluate(
                plan, [&] { progress.advance(); }, interrupted);
            if (!score.scores.empty())
                report.plans.push_back(std::move(score));
            if (interrupted)
                break;
        }
    }
    if (!report.plans.empty())
        printResult(options.task.run.json ? evaluationJson(report) : evaluationText(report));
    if (interrupted)
        throw Interrupted();
}

} // namespace

void addEvalCommand(CLI::App& program) {
    auto* command = program.add_subcommand(
        "eval",
        "Plans on a task: recall of listed pairs, repetition of a passage, or bits per character of a text");
    const auto options = std::make_shared<Options>();
    addTaskOptions(*command, options->task);
    command
        ->add_option("--plan", options->plans,
                     "Attention plan, given once per plan; dense is always there; as below")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->footer(planHelp());
    command->callback([options] { runEval(*options); });
}

} // namespace fovea
