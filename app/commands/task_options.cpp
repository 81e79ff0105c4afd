#include "app/commands/task_options.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <stdexcept>
#include <utility>

#include "app/commands/default_model.h"
#include "app/commands/memory_budget.h"
#include "app/commands/text_file.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/model/model.h"
#include "core/model/model_header.h"
#include "core/tasks/sweep.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

std::string canonicalText(const std::filesystem::path& path) {
    std::error_code failed;
    const auto found = std::filesystem::canonical(path, failed);
    return failed ? path.string() : found.string();
}

std::unique_ptr<Task> taskOf(const TaskOptions& options, const ModelSpec& spec,
                             std::shared_ptr<const Tokenizer> tokenizer) {
    try {
        return makeTask(options, spec, std::move(tokenizer));
    } catch (const std::invalid_argument& error) {
        throw UsageError("--task " + options.name + ": " + error.what());
    }
}

} // namespace

void addTaskOptions(CLI::App& command, TaskCommand& o) {
    addModelOptions(command, o.run);
    command.add_option("--task", o.task.name, "recall, repetition or text")
        ->check(CLI::IsMember({"recall", "repetition", "text"}))
        ->required();
    command
        .add_option(
            "--length,--tokens", o.task.length,
            "Tokens of a sample, its prompt included (default: 512 for recall, else the model's context)")
        ->check(CLI::Range(std::int64_t{8}, std::int64_t{1} << 24));
    command.add_option("--samples", o.samples, "Texts to run, each under every plan (default: 8)")
        ->check(CLI::Range(1, 100000));
    command.add_option("--seed", o.task.seed, "Which texts (default: 1)")->check(CLI::NonNegativeNumber);
    command.add_option("--pairs", o.task.pairs, "Pairs to recall (default: 16)")->check(CLI::Range(1, 48));
    command
        .add_option(
            "--prompt-tokens", o.task.prompt,
            "Recall: tokens of a sample that are its prompt, with the list and the first queries, before "
            "the plan acts (default: the list alone)")
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 24));
    command.add_option(
        "--text", o.textFile,
        "Text that passages, windows and recall's filler are cut from; - is standard input (default: a "
        "bundled one)");
    addBackendOption(command, o.run.backend);
    command.add_option("--threads", o.run.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, 1024));
    addMemoryBudgetOption(command, o.run.memoryBudget);
    command.add_flag("--json", o.run.json, "One JSON object on stdout and nothing else");
}

TaskInput taskInput(const RunOptions& run, const std::string& textFile) {
    useThreads(run.threads);
    TaskInput input;
    input.model = run.model.empty() ? defaultModel() : std::filesystem::path(run.model);
    input.modelName = canonicalText(input.model);
    input.spec = readModelHeader(input.model);
    input.tokenizer = loadTokenizer(input.model, run.tokenizer, input.spec.vocabulary);
    const std::filesystem::path file = textFile.empty() ? defaultText() : std::filesystem::path(textFile);
    input.text = readTextFile(file.string(), textFile.empty() ? "the bundled text" : "--text");
    input.textName = file.filename().string();
    input.backend = *backendOf(run.backend);
    return input;
}

PreparedTask prepareTask(const TaskCommand& o, const std::vector<AttentionPlan>& plans) {
    TaskInput input = taskInput(o.run, o.textFile);
    TaskOptions options = o.task;
    options.text = std::move(input.text);
    const std::shared_ptr<const Task> task = taskOf(options, input.spec, input.tokenizer);
    requireMemory(input.spec, sweepMemory(*task, input.spec, plans), parseMemoryBudget(o.run.memoryBudget));
    PreparedTask prepared;
    prepared.arguments =
        sweepArguments(input.modelName, *task, options, o.samples, input.backend, input.textName);
    prepared.evaluation = std::make_unique<Evaluation>(
        loadModel(input.model), task, EvaluationOptions{.samples = o.samples, .backend = input.backend});
    return prepared;
}

} // namespace fovea
