#include "app/commands/generate.h"
#include "core/engine/store_codecs.h"
#include "core/plan/accepted_words.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

#include "app/commands/interrupt.h"
#include "app/commands/run_options.h"
#include "app/commands/sampler_options.h"
#include "app/commands/terminal.h"
#include "app/commands/usage_error.h"
#include "core/model/model.h"
#include "core/plan/plan_note.h"
#include "core/tokenizer/text_stream.h"
#include "core/trace/run_json.h"

namespace fovea {

namespace {

struct Options {
    RunOptions run;
    std::string plan = "dense";
    SamplerOptions sampler;
};

// Tokens become text on stdout as they are chosen.
class TextPrinter {
public:
    // Nothing of the first `hidden` tokens is shown.
    TextPrinter(const Tokenizer& tokenizer, std::size_t hidden) : m_stream(tokenizer), m_hidden(hidden) {}

    void show(const std::vector<int>& tokens) {
        std::string text;
        for (; m_shown < tokens.size(); ++m_shown) {
            const std::string next = m_stream.add(tokens[m_shown]);
            text += m_shown < m_hidden ? "" : next;
        }
        printResult(text);
    }
    void end() { printResult(m_stream.rest() + "\n"); }

private:
    TextStream m_stream;
    std::size_t m_hidden, m_shown = 0;
};

void printText(const PreparedRun& prepared, const AttentionPlan& plan) {
    const auto& interrupted = watchInterrupt();
    // Of a conversation the answer is shown, of other texts the whole.
    TextPrinter printer(*prepared.tokenizer, prepared.chat ? prepared.prompt.size() : 0);
    printer.show(prepared.prompt);
    const auto show = [&](const Run& run) {
        printer.show(run.tokens);
        return true;
    };
    const Run run = generate(prepared.model, plan, prepared.prompt, prepared.generate, show, interrupted);
    printer.end();
    tellWhyLeft(run.whyLeft);
    if (interrupted)
        throw Interrupted();
}

Run runWithProgress(const PreparedRun& prepared, const AttentionPlan& plan) {
    const auto& interrupted = watchInterrupt();
    Progress progress("token", prepared.generate.tokens);
    const auto count = [&](const Run&) {
        progress.advance();
        return true;
    };
    Run run = generate(prepared.model, plan, prepared.prompt, prepared.generate, count, interrupted);
    if (interrupted)
        throw Interrupted();
    return run;
}

void printJson(const PreparedRun& prepared, const AttentionPlan& plan) {
    const Run run = runWithProgress(prepared, plan); // the progress line is gone before the result comes
    tellWhyLeft(run.whyLeft);
    printResult(runJson(run, textOf(*prepared.tokenizer, run.tokens)));
}

void runGenerate(const Options& options) {
    const AttentionPlan plan = parsePlan(options.plan);
    requireSampler(options.sampler);
    PreparedRun prepared = prepareRun(options.run, {plan});
    prepared.generate.sampler = options.sampler;
    // Before anything is said of the plan, or the prompt shown as if it were a result.
    if (const auto why = refusal(plan, prepared.model->spec))
        throw PlanError(*why);
    if (const auto why = missingCalibration(*prepared.model, plan))
        throw PlanError(*why);
    if (const auto note = planNote(plan, prepared.model->spec))
        std::fprintf(stderr, "fovea: %s: %s\n", toText(plan).c_str(), note->c_str());
    options.run.json ? printJson(prepared, plan) : printText(prepared, plan);
}

} // namespace

void addGenerateCommand(CLI::App& program) {
    auto* command = program.add_subcommand("generate", "Continue a prompt under a plan");
    const auto options = std::make_shared<Options>();
    addRunOptions(*command, options->run);
    command->add_option("--plan", options->plan, "Attention plan, as below (default: dense)");
    addSamplerOptions(*command, options->sampler);
    command->footer(planHelp());
    command->callback([options] { runGenerate(*options); });
}

} // namespace fovea
