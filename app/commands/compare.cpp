#include "app/commands/compare.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "app/commands/interrupt.h"
#include "app/commands/plan_comparison.h"
#include "app/commands/run_options.h"
#include "app/commands/sampler_options.h"
#include "app/commands/terminal.h"
#include "app/commands/usage_error.h"
#include "core/plan/accepted_words.h"
#include "core/plan/plan_note.h"
#include "core/trace/byte_text.h"
#include "core/trace/chrome_trace.h"
#include "core/trace/compare_report.h"
#include "core/trace/file_writer.h"
#include "core/trace/run_totals.h"

namespace fovea {

namespace {

struct Options {
    RunOptions run;
    SamplerOptions sampler;
    std::vector<std::string> plans;
    std::string out;
};

std::vector<AttentionPlan> parsePlans(const std::vector<std::string>& texts) {
    if (texts.size() < 2)
        throw UsageError("there is nothing to compare, give --plan at least twice");
    std::vector<AttentionPlan> plans;
    for (const std::string& text : texts)
        plans.push_back(parsePlan(text));
    return plans;
}

void writeReport(const CompareReport& report, const std::string& json, const std::filesystem::path& folder) {
    makeFolder(folder);
    writeFile(folder / "compare.csv", compareCsv(report));
    writeFile(folder / "compare.json", json);
    writeFile(folder / "trace.json", chromeTrace(tracedRuns(report)));
}

std::string positionText(const std::optional<std::int64_t>& position) {
    return position ? std::to_string(*position) : "none";
}

std::string tableOf(const CompareReport& report) {
    std::size_t width = 4;
    for (const PlanResult& p : report.plans)
        width = std::max(width, toTitle(p.run->plan).size());
    std::string table =
        "plan" + std::string(width - 4, ' ') +
        "      moved       held    seconds    KL mean     KL max   top-1  diverges  own text\n";
    for (const PlanResult& p : report.plans) {
        const RunTotals t = totalsOf(*p.run);
        const std::string plan = toTitle(p.run->plan);
        std::array<char, 160> line{};
        std::snprintf(line.data(), line.size(), " %10s %10s %10.4f %10.3g %10.3g %6.1f%% %9s %9s\n",
                      byteText(t.counted.attention()).c_str(), byteText(t.held.counted.attention()).c_str(),
                      t.seconds, p.comparison.klMean, p.comparison.klMax, 100 * p.comparison.agreement,
                      positionText(p.comparison.firstDivergent).c_str(),
                      positionText(p.freeDivergent).c_str());
        table += plan + std::string(width - plan.size(), ' ') + line.data();
    }
    for (const PlanResult& p : report.plans)
        if (const auto note = planNote(p.run->plan, p.run->spec))
            table += toText(p.run->plan) + ": " + *note + "\n";
    return table + "moved and held: counted, attention only, all steps; KL in nats against the first plan\n";
}

void runCompare(const Options& options) {
    const std::vector<AttentionPlan> plans = parsePlans(options.plans);
    requireSampler(options.sampler);
    PreparedRun prepared = prepareRun(options.run, plans);
    prepared.generate.sampler = options.sampler;
    if (!options.out.empty())
        makeFolder(options.out); // before the work, not after
    const auto& interrupted = watchInterrupt();
    CompareReport report;
    {
        Progress progress("step", comparisonSteps(prepared, plans.size()));
        report = comparePlans(
            prepared, plans, [&] { progress.advance(); }, interrupted);
    }
    const std::string json = compareJson(report);
    if (!options.out.empty())
        writeReport(report, json, options.out);
    printResult(options.run.json ? json : tableOf(report));
}

} // namespace

void addCompareCommand(CLI::App& program) {
    auto* command = program.add_subcommand("compare", "Several plans on one prompt, held against the first");
    const auto options = std::make_shared<Options>();
    addRunOptions(*command, options->run);
    command->add_option("--plan", options->plans, "Attention plan, given once per plan, as below")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    addSamplerOptions(*command, options->sampler);
    command->add_option("--out", options->out, "Folder for compare.csv, compare.json and trace.json");
    command->footer(planHelp());
    command->callback([options] { runCompare(*options); });
}

} // namespace fovea
