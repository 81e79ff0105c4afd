#include "app/commands/check.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "app/commands/interrupt.h"
#include "app/commands/memory_budget.h"
#include "app/commands/run_options.h"
#include "app/commands/terminal.h"
#include "app/commands/usage_error.h"
#include "core/model/model.h"
#include "core/plan/accepted_words.h"
#include "core/trace/byte_text.h"
#include "core/trace/check_report.h"

namespace fovea {

namespace {

struct Options {
    RunOptions run;
    std::vector<std::string> plans = {"dense"};
    std::string backends = "reference,cpu";
    double tolerance = 0;
    bool withPrompt = false, withTimes = false;
};

CheckOptions checkOptions(const Options& options, const PreparedRun& prepared) {
    CheckOptions check;
    check.tokens = prepared.generate.tokens;
    check.decodeFrom = prepared.generate.decodeFrom;
    check.tolerance = options.tolerance;
    check.prompt = options.withPrompt;
    check.ways = options.withTimes;
    const auto comma = options.backends.find(',');
    for (int side : {0, 1}) {
        const std::string name = side == 0                    ? options.backends.substr(0, comma)
                                 : comma == std::string::npos ? ""
                                                              : options.backends.substr(comma + 1);
        const auto backend = backendOf(name);
        if (!backend)
            throw UsageError("--backends " + options.backends +
                             ": give two of reference, cpu, cuda, as reference,cpu");
        check.backends[side] = *backend;
    }
    if (check.backends[0] == check.backends[1])
        throw UsageError("--backends " + options.backends + " holds one against itself, give reference,cpu");
    return check;
}

std::string valuesText(const Deviation& d, const CheckReport& report) {
    std::array<char, 160> text{};
    std::snprintf(text.data(), text.size(), "%s %.9g, %s %.9g", report.backends[0].c_str(),
                  static_cast<double>(d.first), report.backends[1].c_str(), static_cast<double>(d.second));
    return text.data();
}

std::string layerLines(const CheckReport& report) {
    std::string text = "  layer  attention  head\n";
    const auto heads = static_cast<std::size_t>(report.queryHeads);
    for (std::size_t layer = 0; layer * heads < report.heads.size(); ++layer) {
        const Deviation* largest = &report.heads[layer * heads];
        for (std::size_t h = 1; h < heads; ++h)
            if (report.heads[layer * heads + h].relative > largest->relative)
                largest = &report.heads[layer * heads + h];
        std::array<char, 80> line{};
        std::snprintf(line.data(), line.size(), "  %5zu  %9s  %4d%s\n", layer,
                      errorText(largest->relative).c_str(), largest->head,
                      largest->relative > report.tolerance ? "  beyond" : "");
        text += line.data();
    }
    return text;
}

std::string wayLines(const CheckReport& report) {
    std::string text =
        report.ways.empty() ? "" : "  a step, timed (median, interquartile range), and its logits' error\n";
    std::string last;
    for (const CheckedWay& way : report.ways) {
        std::array<char, 160> line{};
        if (way.whyNot.empty())
            std::snprintf(line.data(), line.size(), "  %-22s  %9.1f us  ± %7.1f  %9s\n", way.name.c_str(),
                          way.medianSeconds * 1e6, way.spread * 1e6, errorText(way.logits.relative).c_str());
        if (way.whyNot.empty())
            text += line.data();
        else if (way.whyNot != last) // of all that need a GPU the same
            text += "  " + way.name + ": " + way.whyNot + "\n";
        last = way.whyNot;
    }
    return text;
}

std::string textOf(const CheckReport& report) {
    const std::size_t steps = report.steps.size();
    std::string text = toText(report.plan) + ": " + report.backends[0] + " and " + report.backends[1] +
                       (report.within() ? " agree within " : " differ by more than ") +
                       errorText(report.tolerance) + " (rows in " + report.store + "), " +
                       std::to_string(steps) + " steps\n";
    if (report.prompt)
        text += "  " + promptText(*report.prompt) + "\n";
    if (steps == 0)
        return text;
    text += "  largest " + errorText(report.largest.relative) + " (absolute " +
            errorText(report.largest.absolute) + "): " + placeText(report.largest, report) + ": " +
            valuesText(report.largest, report) + "\n";
    if (report.firstBeyond)
        text += "  first beyond the tolerance, " + errorText(report.firstBeyond->relative) + ": " +
                placeText(*report.firstBeyond, report) + ": " + valuesText(*report.firstBeyond, report) +
                "\n";
    text += " ";
    for (int i = 0; i < kCheckedParts; ++i)
        text += " " + std::string(checkedPartName(static_cast<CheckedPart>(i))) + " " +
                errorText(report.parts[static_cast<std::size_t>(i)].relative);
    text += "; same token at " + std::to_string(report.agreeing) + " of " + std::to_string(steps) +
            " steps; " +
            (report.sameBytes() ? "the same bytes at every step\n" : "NOT the same bytes at every step\n");
    return text + layerLines(report) + wayLines(report);
}

std::vector<CheckReport> checkPlans(const PreparedRun& prepared, const std::vector<AttentionPlan>& plans,
                                    const CheckOptions& options, const std::atomic<bool>& interrupted) {
    const std::int64_t ofPrompt = options.prompt ? std::ssize(prepared.prompt) - 1 : 0;
    Progress progress("step", (options.tokens + ofPrompt) * std::ssize(plans));
    std::vector<CheckReport> reports;
    for (const AttentionPlan& plan : plans) {
        const auto count = [&](const CheckReport&) {
            progress.advance();
            return true;
        };
        reports.push_back(checkBackends(prepared.model, plan, prepared.prompt, options, count, interrupted));
        if (interrupted)
            throw Interrupted();
    }
    return reports;
}

// A prompt that is checked is captured twice, whole.
void requirePromptRoom(const Options& options, const PreparedRun& prepared,
                       const std::vector<AttentionPlan>& plans) {
    const MemoryBudget budget = parseMemoryBudget(options.run.memoryBudget);
    std::int64_t most = 0;
    for (const AttentionPlan& plan : plans)
        if (!refusal(plan, prepared.model->spec))
            most = std::max(most, promptCheckBytes(prepared.model->spec, plan, std::ssize(prepared.prompt)));
    if (most <= budget.bytes)
        return;
    const std::string line = "checking the prompt of " + std::to_string(prepared.prompt.size()) +
                             " tokens holds " + byteText(most) + ", beyond the memory budget of " +
                             budget.text + "; shorten the prompt or leave --with-prompt out";
    if (budget.chosen)
        throw std::runtime_error(line);
    std::fprintf(stderr, "fovea: %s\n", line.c_str());
}

std::string beyondText(const CheckReport& report) {
    const std::string text =
        "under " + toText(report.plan) + " " + report.backends[0] + " and " + report.backends[1] + " ";
    if (report.firstBeyond)
        return text + "differ by " + errorText(report.largest.relative) + " in the " +
               placeText(report.largest, report) + ", more than " + errorText(report.tolerance);
    return report.sameBytes() ? text + "agree, and the " + promptText(*report.prompt)
                              : text + "count different bytes";
}

void runCheck(const Options& options) {
    std::vector<AttentionPlan> plans;
    for (const std::string& text : options.plans)
        plans.push_back(parsePlan(text));
    // Both backends are a session of their own.
    std::vector<AttentionPlan> sessions = {plans.front(), plans.front()};
    sessions.insert(sessions.end(), plans.begin() + 1, plans.end());
    const PreparedRun prepared = prepareRun(options.run, sessions);
    const CheckOptions check = checkOptions(options, prepared);
    if (check.prompt)
        requirePromptRoom(options, prepared, plans);
    const std::vector<CheckReport> reports = checkPlans(prepared, plans, check, watchInterrupt());
    std::string text = options.run.json ? checkJson(reports) : "";
    std::string beyond;
    for (const CheckReport& report : reports) {
        if (!options.run.json)
            text += textOf(report);
        if (!report.within() && beyond.empty())
            beyond = beyondText(report);
    }
    printResult(text);
    if (!beyond.empty())
        throw std::runtime_error(beyond);
}

} // namespace

void addCheckCommand(CLI::App& program) {
    auto* command = program.add_subcommand(
        "check",
        "Two backends step by step on the same tokens: do they agree, and where do they differ most");
    const auto options = std::make_shared<Options>();
    addTextOptions(*command, options->run);
    options->run.tokens = 16;
    command
        ->add_option("--plan", options->plans,
                     "Attention plan, given once per plan (default: dense), as below")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option("--backends", options->backends,
                        "The two, the first being the truth (default: reference,cpu)");
    command
        ->add_option(
            "--tolerance", options->tolerance,
            "Largest error that agrees, relative to a head's largest number (default: 1e-4 for rows in f32, "
            "2e-4 in f16, 5e-4 in bf16)")
        ->check(CLI::PositiveNumber);
    command->add_flag("--with-prompt", options->withPrompt,
                      "Check how the prompt is read too: at once, and token by token by the first backend");
    command->add_flag("--with-times", options->withTimes,
                      "Make the same steps in every way there is here, and say how long each takes");
    command->footer(planHelp());
    command->callback([options] { runCheck(*options); });
}

} // namespace fovea
