#include "app/commands/sweep.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <system_error>

#include "app/commands/interrupt.h"
#include "app/commands/task_options.h"
#include "app/commands/terminal.h"
#include "app/commands/text_file.h"
#include "app/commands/usage_error.h"
#include "core/plan/accepted_words.h"
#include "core/tasks/sweep.h"
#include "core/trace/evaluation_report.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

struct Options {
    TaskCommand task;
    std::vector<std::string> plans;
    std::string out, picture, theme = "light";
    SweepPictureWriter draw;
};

SweepTable resumed(const std::string& out, const SweepArguments& arguments) {
    std::error_code ignored;
    if (out.empty() || !std::filesystem::exists(out, ignored) ||
        std::filesystem::file_size(out, ignored) == 0)
        return {.arguments = arguments, .rows = {}};
    try {
        return resumedSweep(readTextFile(out, "--out"), arguments);
    } catch (const SweepError& error) {
        throw UsageError("--out " + out + " " + error.what() + "; name another file, or ask for the same");
    }
}

void savePicture(const Options& options, const SweepTable& table) {
    std::filesystem::path file = options.picture;
    if (file.empty() && !options.out.empty())
        file = std::filesystem::path(options.out).replace_extension(".svg");
    if (file.empty() || table.rows.empty())
        return;
    if (options.draw)
        options.draw(table, file, options.theme == "dark");
    else
        std::fputs("fovea: the picture needs a build with the window (FOVEA_GUI=ON), the table is written\n",
                   stderr);
}

// What else it is called would be a PNG that says it is not.
void requirePictureFormat(const std::string& file) {
    std::string suffix = std::filesystem::path(file).extension().string();
    std::transform(suffix.begin(), suffix.end(), suffix.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (!file.empty() && suffix != ".svg" && suffix != ".png" && suffix != ".pdf")
        throw UsageError("--picture " + file +
                         " is no picture that is drawn here, name it .svg, .png or .pdf");
}

void requireOptions(const Options& options) {
    if (options.plans.empty())
        throw UsageError(
            "there is nothing to sweep, give --plan, for example \"read=sparq:r={4,8,16},k={32,64}\"");
    requirePictureFormat(options.picture);
    if (options.out.empty())
        return;
    if (options.picture == options.out)
        throw UsageError("--picture and --out name the same file, give it another name");
    const auto folder = std::filesystem::absolute(options.out).parent_path();
    makeFolder(folder); // before the work, not after
    requireWritable(folder);
}

void runSweep(const Options& options) {
    requireOptions(options);
    const std::vector<std::string> plans = sweepPlans(options.plans);
    PreparedTask prepared = prepareTask(options.task, readablePlans(plans));
    SweepTable table = resumed(options.out, prepared.arguments);
    const auto& interrupted = watchInterrupt();
    {
        Progress progress("step", sweepSteps(*prepared.evaluation, plans, table));
        SweepObserver observer;
        observer.step = [&] { progress.advance(); };
        observer.row = [&](const SweepTable& soFar) {
            if (!options.out.empty())
                writeFile(options.out, sweepCsv(soFar));
        };
        sweep(*prepared.evaluation, plans, table, observer, interrupted);
    }
    for (const SweepRow& row : table.rows)
        if (!row.refused.empty())
            std::fprintf(stderr, "fovea: skipped %s: %s\n", row.plan.c_str(), row.refused.c_str());
    if (options.task.run.json)
        printResult(sweepJson(table));
    else
        printResult(options.out.empty() ? sweepCsv(table) : sweepText(table));
    savePicture(options, table);
    if (interrupted)
        throw Interrupted();
}

} // namespace

void addSweepCommand(CLI::App& program, SweepPictureWriter picture) {
    auto* command = program.add_subcommand(
        "sweep", "Many plans on a task: a table that can be resumed, and quality against bytes as a picture");
    const auto options = std::make_shared<Options>();
    options->draw = std::move(picture);
    addTaskOptions(*command, options->task);
    command
        ->add_option(
            "--plan", options->plans,
            "Plan with braces for what varies, read=sparq:r={4,8,16},k={32,64}, given once or more, as below")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option(
        "--out", options->out,
        "CSV, written after every row; rows that it has are not run again (default: the table on stdout)");
    command->add_option("--picture", options->picture,
                        "Quality against bytes as .svg, .png or .pdf (default: beside --out as .svg)");
    command->add_option("--theme", options->theme, "Of the picture: dark or light")
        ->check(CLI::IsMember({"dark", "light"}));
    command->footer(planHelp());
    command->callback([options] { runSweep(*options); });
}

} // namespace fovea
