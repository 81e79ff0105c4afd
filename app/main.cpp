// No verb opens the window; `fovea VERB` works without one. Exit 0 done, 1 failed, 2 bad usage; an error is
// one line on stderr.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "app/commands/batch.h"
#include "app/commands/bench.h"
#include "app/commands/calibrate.h"
#include "app/commands/check.h"
#include "app/commands/compare.h"
#include "app/commands/eval.h"
#include "app/commands/generate.h"
#include "app/commands/info.h"
#include "app/commands/parse_error.h"
#include "app/commands/study.h"
#include "app/commands/sweep.h"
#include "app/commands/tokenize.h"
#include "app/commands/train.h"
#include "app/commands/usage_error.h"
#include "app/window/demo.h"
#include "app/window/open_window.h"
#include "app/window/study_picture.h"
#include "app/window/sweep_picture.h"
#include "core/plan/attention_plan.h"

namespace {

constexpr int kFailed = 1, kBadUsage = 2;

// Some libraries explain themselves over many lines, with a stack; the first says what happened.
int report(const std::string& what, int status) {
    const auto end = what.find('\n');
    std::fprintf(stderr, "fovea: %s\n", what.substr(0, end).c_str());
    return status;
}

struct WindowArguments {
    fovea::WindowOptions options;
    std::string model, tokenizer;
    std::vector<std::string> plans;
};

void addWindowOptions(CLI::App& program, WindowArguments& a) {
    program.add_option("--model", a.model, "Model to open in the window");
    program.add_option("--tokenizer", a.tokenizer, "Tokenizer file (default: what lies beside the model)");
    program.add_option("--prompt", a.options.prompt, "Prompt to begin with");
    program.add_option("--plan", a.plans, "Plan A, and given again plan B")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    program.add_option("--theme", a.options.theme, "dark or light")->check(CLI::IsMember({"dark", "light"}));
}

// Options before a verb would be silently lost.
void requireVerbFirst(const CLI::App& program) {
    if (program.get_subcommands().empty())
        return;
    for (const CLI::Option* option : program.get_options())
        if (option->count() > 0)
            throw fovea::UsageError(option->get_name() + " stands before the verb, put it after " +
                                    program.get_subcommands().front()->get_name());
}

int openWindow(WindowArguments& a) {
    if (a.plans.size() > 2)
        throw fovea::UsageError("the window shows two plans, give --plan at most twice");
    for (const std::string& plan : a.plans)
        fovea::parsePlan(plan); // refused here rather than in a window
    a.options.model = a.model;
    a.options.tokenizer = a.tokenizer;
    a.options.planA = !a.plans.empty() ? a.plans[0] : "";
    a.options.planB = a.plans.size() > 1 ? a.plans[1] : "";
    return fovea::openWindow(a.options);
}

int run(int argc, char** argv) {
    CLI::App program("Fovea: a laboratory for efficient LLM attention. Without a verb the window opens.",
                     "fovea");
    program.set_version_flag("--version", "fovea " FOVEA_VERSION);
    program.require_subcommand(0, 1);
    WindowArguments window;
    addWindowOptions(program, window);
    fovea::addInfoCommand(program);
    fovea::addGenerateCommand(program);
    fovea::addBatchCommand(program);
    fovea::addCompareCommand(program);
    fovea::addBenchCommand(program);
    fovea::addCheckCommand(program);
    fovea::addEvalCommand(program);
    fovea::addSweepCommand(program, fovea::sweepPictureWriter());
    fovea::addStudyCommand(program, fovea::studyPictureWriter());
    fovea::addTokenizeCommand(program);
    fovea::addTrainCommand(program);
    fovea::addCalibrateCommand(program, FOVEA_VERSION);
    fovea::addDemoCommand(program);
    program.parse_complete_callback([&] { requireVerbFirst(program); });
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == 0)
            return program.exit(error); // --help, --version
        return report(fovea::parseErrorLine(program, error), kBadUsage);
    }
    return program.get_subcommands().empty() ? openWindow(window) : 0;
}

} // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const fovea::UsageError& error) {
        return report(error.what(), kBadUsage);
    } catch (const fovea::PlanError& error) {
        return report(error.what(), kBadUsage);
    } catch (const std::bad_alloc&) {
        return report("out of memory, try a smaller model or fewer tokens", kFailed);
    } catch (const std::exception& error) {
        return report(error.what(), kFailed);
    }
}
