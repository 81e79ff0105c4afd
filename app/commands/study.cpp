#include "app/commands/study.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "app/commands/interrupt.h"
#include "app/commands/memory_budget.h"
#include "app/commands/run_options.h"
#include "app/commands/task_options.h"
#include "app/commands/terminal.h"
#include "app/commands/usage_error.h"
#include "core/model/model.h"
#include "core/study/study_folder.h"
#include "core/study/study_report.h"
#include "core/tasks/sweep.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

struct Options {
    RunOptions run; // model, tokenizer, backend, threads, memory budget, JSON
    StudyOptions study;
    std::string textFile, out, theme = "light";
    double within = 100 * StudyRule{}.within; // per cent
    StudyPictureWriter draw;

    StudyRule rule() const {
        StudyRule rule;
        rule.within = within / 100;
        return rule;
    }
};

// All that is known before weights are read is asked first.
std::unique_ptr<Study> prepared(Options& o) {
    TaskInput input = taskInput(o.run, o.textFile);
    o.study.text = std::move(input.text);
    o.study.textName = input.textName;
    o.study.backend = input.backend;
    std::vector<StudyTask> tasks;
    try {
        tasks = studyTasks(o.study, input.spec, input.tokenizer);
    } catch (const std::invalid_argument& error) {
        throw UsageError(error.what());
    }
    requireMemory(input.spec, studyMemory(tasks, input.spec), parseMemoryBudget(o.run.memoryBudget));
    makeFolder(o.out);
    requireWritable(o.out);
    return std::make_unique<Study>(loadModel(input.model), input.tokenizer, input.modelName, o.study,
                                   std::move(tasks));
}

void runStudy(Options& o) {
    const std::unique_ptr<Study> study = prepared(o);
    try {
        resumeStudy(study->result(), o.out);
    } catch (const SweepError& error) {
        throw UsageError(std::string("--out: ") + error.what());
    }
    const auto& interrupted = watchInterrupt();
    {
        std::optional<Progress> layers;
        Progress progress("step", study->steps());
        StudyObserver observer;
        observer.layer = [&](int, int all) {
            if (!layers)
                layers.emplace("layer", all);
            layers->advance();
        };
        observer.step = [&] { progress.advance(); };
        observer.changed = [&](const StudyResult& soFar, std::size_t changed) {
            layers.reset();
            writeStudy(soFar, changed, o.out);
        };
        study->run(observer, interrupted);
    }
    const StudyResult& result = study->result();
    printResult(o.run.json ? studyJson(result, o.rule()) : studyText(result, o.rule()));
    if (o.draw)
        o.draw(result, o.rule(), o.out, o.theme == "dark");
    else
        std::fputs(
            "fovea: the pictures need a build with the window (FOVEA_GUI=ON), the tables are written\n",
            stderr);
    if (interrupted)
        throw Interrupted();
}

void addOptions(CLI::App& command, Options& o) {
    addModelOptions(command, o.run);
    command.add_option(
        "--text", o.textFile,
        "Text that the tasks and the statistics are cut from; - is standard input (default: a bundled one)");
    command
        .add_option("--samples", o.study.samples, "Texts of each task, each under every plan (default: 8)")
        ->check(CLI::Range(1, 100000));
    command
        .add_option(
            "--length,--tokens", o.study.length,
            "Tokens of a sample, its prompt included (default: 512 for recall, else the model's context)")
        ->check(CLI::Range(std::int64_t{8}, std::int64_t{1} << 24));
    command.add_option("--pairs", o.study.pairs, "Pairs to recall (default: 16)")->check(CLI::Range(1, 48));
    command.add_option("--seed", o.study.seed, "Which texts (default: 1)")->check(CLI::NonNegativeNumber);
    command
        .add_option(
            "--within", o.within,
            "Per cent of dense's score that the plan which is advised may lose on any question, two standard "
            "errors on top (default: 2); changes no row")
        ->check(CLI::Range(0., 1000.));
    command
        .add_option(
            "--out", o.out,
            "Folder of the tables and pictures, written after every row; rows that it has are not run again")
        ->required();
    command.add_option("--theme", o.theme, "Of the pictures: dark or light")
        ->check(CLI::IsMember({"dark", "light"}));
    addBackendOption(command, o.run.backend);
    command.add_option("--threads", o.run.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, 1024));
    addMemoryBudgetOption(command, o.run.memoryBudget);
    command.add_flag("--json", o.run.json, "One JSON object on stdout and nothing else");
}

} // namespace

void addStudyCommand(CLI::App& program, StudyPictureWriter pictures) {
    auto* study = program.add_subcommand(
        "study", "What a kind of method costs a model, in one run that can be resumed");
    study->require_subcommand(1);
    auto* quantisation = study->add_subcommand(
        "quantisation",
        "Weights, activations and K, V rounded to 8, 4, 3 and 2 bits by every method that there is, judged "
        "by "
        "text, recall at each distance and copying; tables, pictures and what follows from them");
    const auto options = std::make_shared<Options>();
    options->draw = std::move(pictures);
    addOptions(*quantisation, *options);
    quantisation->callback([options] { runStudy(*options); });
}

} // namespace fovea
