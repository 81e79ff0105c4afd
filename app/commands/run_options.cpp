#include "app/commands/run_options.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <system_error>

#include "app/commands/default_model.h"
#include "app/commands/threads.h"
#include "app/commands/usage_error.h"
#include "core/model/model.h"
#include "core/model/tokenizer.h"
#include "core/plan/text_limit.h"

namespace fovea {

namespace {

constexpr std::size_t kLongestPrompt = std::size_t{64} << 20; // bytes; no context holds more
constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

std::string readAll(std::istream& in, const std::string& name) {
    std::string text;
    char buffer[1 << 16];
    while (in.read(buffer, sizeof buffer) || in.gcount() > 0) {
        text.append(buffer, static_cast<std::size_t>(in.gcount()));
        if (text.size() > kLongestPrompt)
            throw UsageError("--prompt-file " + name + " is larger than 64 MiB, name a shorter text");
    }
    return text;
}

std::string promptOf(const RunOptions& o) {
    if (o.promptFile.empty())
        return o.prompt;
    if (o.promptFile == "-")
        return readAll(std::cin, o.promptFile);
    std::error_code ignored;
    if (std::filesystem::is_directory(o.promptFile, ignored))
        throw UsageError("--prompt-file " + o.promptFile + " is a folder, name a text file");
    std::ifstream in(o.promptFile, std::ios::binary);
    if (!in)
        throw UsageError("--prompt-file " + o.promptFile + " cannot be read, name a text file that exists");
    return readAll(in, o.promptFile);
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

} // namespace

void addModelOptions(CLI::App& command, RunOptions& o) {
    command.add_option("--model", o.model,
                       "A Hugging Face Llama folder or a llama2.c .bin file (default: the bundled model)");
    command.add_option("--tokenizer", o.tokenizer, "Tokenizer file (default: what lies beside the model)");
}

void addRunOptions(CLI::App& command, RunOptions& o) {
    addModelOptions(command, o);
    auto* prompt = command.add_option("--prompt", o.prompt, "Text to continue (default: none, from BOS)");
    command.add_option("--prompt-file", o.promptFile, "File with the text to continue; - is standard input")
        ->excludes(prompt);
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
    command.add_option("--backend", o.backend, "cpu or reference")
        ->check(CLI::IsMember({"cpu", "reference"}));
    command.add_option("--threads", o.threads, "Threads (default: all processors)")
        ->check(CLI::Range(1, 1024));
    command.add_flag("--json", o.json, "One JSON object on stdout and nothing else");
}

PreparedRun prepareRun(const RunOptions& o, std::span<const AttentionPlan> plans) {
    if (o.tokens == 0 && o.positions == 0)
        throw UsageError("how much to generate is missing, give --tokens N or --positions N");
    const std::string prompt = promptOf(o);
    useThreads(o.threads);
    const std::filesystem::path path = o.model.empty() ? defaultModel() : std::filesystem::path(o.model);
    PreparedRun run;
    run.model = loadModel(path);
    run.tokenizer = loadTokenizer(path, o.tokenizer, run.model->spec.vocabulary);
    run.prompt = run.tokenizer->encode(prompt, true);
    if (run.prompt.empty())
        throw UsageError("this tokenizer has no BOS token to start from, give a --prompt");
    const ModelSpec& spec = run.model->spec;
    std::int64_t limit = o.decodeFrom <= spec.context ? KeepRule::kUnbounded : spec.context;
    for (const AttentionPlan& plan : plans)
        limit = std::min(limit, textLimit(plan, spec));
    run.generate.tokens = tokensToGenerate(o, std::ssize(run.prompt), spec.context, limit);
    run.generate.decodeFrom = o.decodeFrom;
    run.generate.ignoreEnd = o.ignoreEos;
    run.generate.bos = run.tokenizer->bos();
    run.generate.eos = run.tokenizer->eos();
    run.generate.session.backend = o.backend == "reference" ? Backend::Reference : Backend::Cpu;
    return run;
}

std::string textOf(const Tokenizer& tokenizer, const std::vector<int>& tokens, std::size_t from) {
    std::string text;
    for (std::size_t i = from; i < tokens.size(); ++i)
        if (tokens[i] != tokenizer.bos() && tokens[i] != tokenizer.eos())
            text += tokenizer.piece(i > 0 ? tokens[i - 1] : -1, tokens[i]);
    return text;
}

} // namespace fovea
