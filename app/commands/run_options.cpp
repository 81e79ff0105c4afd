#include "app/commands/run_options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>
#include <variant>

#include "app/commands/default_model.h"
#include "app/commands/memory_budget.h"
#include "app/commands/text_file.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/engine/device/gpu_refusal.h"
#include "core/model/model.h"
#include "core/model/model_header.h"
#include "core/plan/plan_prefill.h"
#include "core/plan/text_limit.h"
#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

std::string promptOf(const RunOptions& o) {
    return o.promptFile.empty() ? o.prompt : readTextFile(o.promptFile, "--prompt-file");
}

std::string countOfTokens(std::int64_t n) {
    return std::to_string(n) + (n == 1 ? " token" : " tokens");
}

// `--positions N` counts as llama2.c's -n: N tokens are fed, the prompt's among them, and no more than fit.
std::int64_t tokensFromPositions(std::int64_t positions, std::int64_t prompt, std::int64_t limit) {
    const std::int64_t tokens = std::min(positions, limit) - (prompt - 1);
    if (tokens < 1)
        throw UsageError("--positions " + std::to_string(positions) +
                         " leaves nothing to generate after a prompt of " + countOfTokens(prompt) +
                         ", ask for at least " + std::to_string(prompt));
    return tokens;
}

// `limit`: positions that every plan can reach; beyond the context only where they bound distances
// themselves.
std::int64_t tokensToGenerate(const RunOptions& o, std::int64_t prompt, std::int64_t context,
                              std::int64_t limit) {
    if (prompt > context)
        throw UsageError("the prompt is " + std::to_string(prompt) + " tokens long and the model's context " +
                         std::to_string(context) + ", shorten --prompt");
    if (o.positions > 0)
        return tokensFromPositions(o.positions, prompt, limit);
    const std::int64_t most = limit - prompt + 1;
    if (o.tokens > most)
        throw UsageError("--tokens " + std::to_string(o.tokens) + " after a prompt of " +
                         countOfTokens(prompt) + " goes beyond the model's context of " +
                         std::to_string(context) + ", ask for at most " + std::to_string(most));
    return o.tokens;
}

// The template of the model, or of the tokenizer that was named instead of its own.
std::optional<ChatTemplate> chatTemplateFor(const RunOptions& o, const std::filesystem::path& model) {
    auto found = o.tokenizer.empty() ? std::nullopt : chatTemplateOf(o.tokenizer);
    return found ? found : chatTemplateOf(model);
}

// The prompt as a turn of a conversation; as it is where the template is not understood, which stderr is
// told.
void writeConversation(const RunOptions& o, const std::filesystem::path& model, const std::string& prompt,
                       PreparedRun& run) {
    const auto chat = chatTemplateFor(o, model);
    if (!chat)
        throw UsageError("--chat: " + model.string() + " has no chat template, leave --chat out");
    if (!chat->known()) {
        std::fprintf(stderr, "fovea: %s: %s\n", model.c_str(), chat->note().c_str());
        run.prompt = promptTokens(*run.tokenizer, prompt);
        return;
    }
    std::vector<ChatMessage> messages;
    if (!o.system.empty())
        messages.push_back({"system", o.system});
    messages.push_back({"user", prompt});
    run.prompt = encodeChat(*run.tokenizer, chat->format(messages));
    run.chat = true;
}

} // namespace

void addModelOptions(CLI::App& command, RunOptions& o) {
    command.add_option(
        "--model", o.model,
        "A Hugging Face folder, a .gguf file or a llama2.c .bin file (default: the bundled model)");
    command.add_option(
        "--tokenizer", o.tokenizer,
        "Tokenizer: tokenizer.json, .model, .bin, .gguf or a folder (default: the model's own)");
}

void addTextOptions(CLI::App& command, RunOptions& o) {
    addModelOptions(command, o);
    auto* prompt = command.add_option("--prompt", o.prompt, "Text to continue (default: none, from BOS)");
    command.add_option("--prompt-file", o.promptFile, "File with the text to continue; - is standard input")
        ->excludes(prompt);
    auto* chat = command.add_flag("--chat", o.chat,
                                  "The text is a user's turn, written as the model's chat template has it");
    command.add_option("--system", o.system, "System message of the conversation")->needs(chat);
    auto* tokens = command.add_option("--tokens", o.tokens, "Tokens to generate")
                       ->check(CLI::Range(std::int64_t{1}, kMost));
    command
        .add_option("--positions", o.positions, "Positions in all, the prompt's included, as llama2.c's -n")
        ->check(CLI::Range(std::int64_t{1}, kMost))
        ->excludes(tokens);
    command
        .add_option("--decode-from", o.decodeFrom,
                    "Position from which the plan's keep and read act (default: the prompt's length)")
        ->check(CLI::Range(std::int64_t{0}, kMost));
    command.add_flag("--ignore-eos", o.ignoreEos, "Go on past the end of the text");
    command.add_option("--threads", o.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, 1024));
    addMemoryBudgetOption(command, o.memoryBudget);
    command.add_flag("--json", o.json, "One JSON object on stdout and nothing else");
}

void addBackendOption(CLI::App& command, std::string& backend) {
    command.add_option("--backend", backend, "cpu, cuda (a GPU) or reference (default: cpu)")
        ->check(CLI::IsMember({"cpu", "cuda", "reference"}));
}

void addRunOptions(CLI::App& command, RunOptions& o) {
    addTextOptions(command, o);
    addBackendOption(command, o.backend);
}

namespace {

// One line on stderr where plans were asked for that the text ends before.
void tellWhatNeverActs(std::int64_t decodeFrom, std::int64_t tokens,
                       const std::vector<AttentionPlan>& plans) {
    const auto waits = [](const AttentionPlan& plan) {
        return !std::holds_alternative<ReadAll>(plan.read) ||
               (!std::holds_alternative<KeepAll>(plan.keep) && !masksPrefill(plan));
    };
    if (decodeFrom >= tokens - 1 &&
        std::any_of(plans.begin(), plans.end(), waits)) // the last token is not read
        std::fprintf(stderr,
                     "fovea: --decode-from %lld is beyond the %lld tokens that are read: until there every "
                     "plan is dense, "
                     "so what its keep and read would do is not seen.\n",
                     static_cast<long long>(decodeFrom), static_cast<long long>(tokens - 1));
}

} // namespace

PreparedRun prepareRun(const RunOptions& o, std::vector<AttentionPlan> plans) {
    if (o.tokens == 0 && o.positions == 0)
        throw UsageError("how much to generate is missing, give --tokens N or --positions N");
    const std::string prompt = promptOf(o);
    if (o.chat && prompt.empty())
        throw UsageError("--chat without a text to answer, give a --prompt");
    useThreads(o.threads);
    const std::filesystem::path path = o.model.empty() ? defaultModel() : std::filesystem::path(o.model);
    const MemoryBudget budget = parseMemoryBudget(o.memoryBudget);
    const ModelSpec spec = readModelHeader(path);
    PreparedRun run;
    run.tokenizer = loadTokenizer(path, o.tokenizer, spec.vocabulary);
    if (o.chat)
        writeConversation(o, path, prompt, run);
    else
        run.prompt = promptTokens(*run.tokenizer, prompt);
    if (run.prompt.empty())
        throw UsageError("this tokenizer has no BOS token to start from, give a --prompt");
    std::int64_t limit = o.decodeFrom <= spec.context ? KeepRule::kUnbounded : spec.context;
    for (const AttentionPlan& plan : plans)
        limit = std::min(limit, textLimit(plan, spec));
    run.generate.tokens = tokensToGenerate(o, std::ssize(run.prompt), spec.context, limit);
    tellWhatNeverActs(o.decodeFrom, std::ssize(run.prompt) + run.generate.tokens, plans);
    MemoryQuestion question;
    question.plans = std::move(plans);
    question.prompt = std::ssize(run.prompt);
    question.tokens = run.generate.tokens;
    question.decodeFrom = o.decodeFrom;
    question.wholeContext = true;
    requireMemory(spec, question, budget);
    run.model = loadModel(path);
    run.generate.session.backend = *backendOf(o.backend);
    if (run.generate.session.backend == Backend::Cuda)
        for (const AttentionPlan& plan : question.plans)
            if (const auto why = gpuRefusal(plan, *run.model))
                throw PlanError(*why);
    run.generate.decodeFrom = o.decodeFrom;
    run.generate.ignoreEnd = o.ignoreEos;
    heedEnds(run.generate, *run.tokenizer);
    return run;
}

void tellWhyLeft(const std::string& why) {
    if (!why.empty())
        std::fprintf(stderr, "fovea: %s The CPU went on.\n", why.c_str());
}

void heedEnds(GenerateOptions& options, const Tokenizer& tokenizer) {
    options.bos = tokenizer.bos();
    options.eos = tokenizer.eos();
    options.ends = tokenizer.ends();
}

std::string textOf(const Tokenizer& tokenizer, const std::vector<int>& tokens, std::size_t from) {
    std::string text;
    for (std::size_t i = from; i < tokens.size(); ++i)
        if (tokens[i] != tokenizer.bos() && tokens[i] != tokenizer.eos())
            text += tokenizer.piece(i > 0 ? tokens[i - 1] : -1, tokens[i]);
    return text;
}

} // namespace fovea
