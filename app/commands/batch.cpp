#include "app/commands/batch.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "app/commands/default_model.h"
#include "app/commands/interrupt.h"
#include "app/commands/memory_budget.h"
#include "app/commands/run_options.h"
#include "app/commands/sampler_options.h"
#include "app/commands/terminal.h"
#include "app/commands/text_file.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/engine/batch.h"
#include "core/methods/predict.h"
#include "core/model/model.h"
#include "core/model/model_header.h"
#include "core/plan/accepted_words.h"
#include "core/plan/plan_note.h"
#include "core/plan/text_limit.h"
#include "core/tokenizer/tokenizer.h"
#include "core/trace/batch_json.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

struct Options {
    RunOptions run;
    std::string prompts, plan = "dense";
    SamplerOptions sampler;
};

struct PreparedBatch {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::vector<std::vector<int>> prompts; // BOS included
    GenerateOptions generate;
};

// Every line that is not empty is a prompt.
std::vector<std::vector<int>> promptsOf(const std::string& lines, const Tokenizer& tokenizer,
                                        std::int64_t most, std::int64_t tokens) {
    std::vector<std::vector<int>> prompts;
    std::istringstream stream(lines);
    int number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (line.empty())
            continue;
        prompts.push_back(promptTokens(tokenizer, line));
        if (const std::int64_t needed = std::ssize(prompts.back()) - 1 + tokens; needed > most)
            throw UsageError("the prompt in line " + std::to_string(number) + " of --prompts and --tokens " +
                             std::to_string(tokens) + " make " + std::to_string(needed) +
                             " tokens, and a text here may have " + std::to_string(most) + ", ask for fewer");
    }
    if (prompts.empty())
        throw UsageError("--prompts has no line with a prompt, write one on each");
    return prompts;
}

PreparedBatch prepare(const Options& options, const AttentionPlan& plan) {
    const RunOptions& o = options.run;
    requireSampler(options.sampler);
    useThreads(o.threads);
    const std::filesystem::path path = o.model.empty() ? defaultModel() : std::filesystem::path(o.model);
    const MemoryBudget budget = parseMemoryBudget(o.memoryBudget);
    const ModelSpec spec = readModelHeader(path);
    PreparedBatch batch;
    batch.tokenizer = loadTokenizer(path, o.tokenizer, spec.vocabulary);
    batch.prompts = promptsOf(readTextFile(options.prompts, "--prompts"), *batch.tokenizer,
                              std::min<std::int64_t>(spec.context, textLimit(plan, spec)), o.tokens);
    MemoryQuestion question;
    question.plans.assign(batch.prompts.size(), plan);
    for (const std::vector<int>& prompt : batch.prompts)
        question.prompt = std::max(question.prompt, std::ssize(prompt));
    question.tokens = o.tokens;
    requireMemory(spec, question, budget);
    batch.model = loadModel(path);
    batch.generate.session.backend = *backendOf(o.backend);
    batch.generate.tokens = o.tokens;
    batch.generate.ignoreEnd = o.ignoreEos;
    heedEnds(batch.generate, *batch.tokenizer);
    batch.generate.sampler = options.sampler;
    return batch;
}

BatchRun runWithProgress(const PreparedBatch& batch, const AttentionPlan& plan) {
    const auto& interrupted = watchInterrupt();
    Progress progress("step", batch.generate.tokens);
    const auto count = [&](const BatchRun&) {
        progress.advance();
        return true;
    };
    BatchRun run = generateBatch(batch.model, plan, batch.prompts, batch.generate, count, interrupted);
    if (interrupted)
        throw Interrupted();
    return run;
}

// What decoding together saves: the weights, which one step reads once however many texts it feeds.
std::string summaryOf(const BatchRun& run) {
    double seconds = 0;
    std::int64_t tokens = 0, weights = 0;
    for (const BatchRun::Step& step : run.steps) {
        seconds += step.seconds;
        tokens += step.texts;
        weights += step.counted[Component::Weights];
    }
    if (tokens == 0)
        return {};
    char line[256];
    std::snprintf(
        line, sizeof line,
        "%zu texts, %lld tokens: %.1f tokens/s timed; weights per token %s counted, %s of one text alone by "
        "formula\n",
        run.texts.size(), static_cast<long long>(tokens), static_cast<double>(tokens) / seconds,
        byteText(weights / tokens).c_str(),
        byteText(predictWeights(run.plan, run.spec)[Component::Weights]).c_str());
    return line;
}

void runBatch(const Options& options) {
    const AttentionPlan plan = parsePlan(options.plan);
    const PreparedBatch batch = prepare(options, plan);
    if (const auto why = refusal(plan, batch.model->spec)) // before anything is said of the plan
        throw PlanError(*why);
    if (const auto note = planNote(plan, batch.model->spec))
        std::fprintf(stderr, "fovea: %s: %s\n", toText(plan).c_str(), note->c_str());
    const BatchRun run = runWithProgress(batch, plan);
    tellWhyLeft(run.whyLeft);
    std::vector<std::string> texts;
    for (const BatchText& text : run.texts)
        texts.push_back(textOf(*batch.tokenizer, text.tokens));
    if (options.run.json)
        return printResult(batchJson(run, texts));
    std::string result;
    for (std::size_t i = 0; i < texts.size(); ++i)
        result += "[" + std::to_string(i + 1) + "] " + texts[i] + "\n\n";
    printResult(result + summaryOf(run));
}

} // namespace

void addBatchCommand(CLI::App& program) {
    auto* command =
        program.add_subcommand("batch", "Continue several prompts at once, each weight read once for all");
    const auto options = std::make_shared<Options>();
    RunOptions& run = options->run;
    addModelOptions(*command, run);
    command->add_option("--prompts", options->prompts, "File with a prompt on each line; - is standard input")
        ->required();
    command->add_option("--tokens", run.tokens, "Tokens to generate for each")
        ->required()
        ->check(CLI::Range(1, 1 << 30));
    command->add_option("--plan", options->plan, "Attention plan, as below (default: dense)");
    command->add_flag("--ignore-eos", run.ignoreEos, "Go on past the end of a text");
    command->add_option("--backend", run.backend, "cpu or cuda (a GPU; default: cpu)")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    command->add_option("--threads", run.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, 1024));
    addMemoryBudgetOption(*command, run.memoryBudget);
    addSamplerOptions(*command, options->sampler);
    command->add_flag("--json", run.json, "One JSON object on stdout and nothing else");
    command->footer(planHelp());
    command->callback([options] { runBatch(*options); });
}

} // namespace fovea
