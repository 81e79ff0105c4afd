#pragma once
// The options that `generate` and `compare` share: which model, which prompt, how long, on what.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/session.h"

namespace CLI {
class App;
}

namespace fovea {

class Tokenizer;

struct RunOptions {
    std::string model, tokenizer; // empty: the bundled model; what lies beside the model
    std::string prompt, promptFile;
    std::int64_t tokens = 0, positions = 0; // one of them is given, the other 0
    std::int64_t decodeFrom = -1;
    bool ignoreEos = false;
    std::string backend = "cpu";
    int threads = 0;
    bool json = false;
};

void addModelOptions(CLI::App& command, RunOptions& options);
void addRunOptions(CLI::App& command, RunOptions& options);

// A model, its tokenizer and the encoded prompt, checked against each other.
struct PreparedRun {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::vector<int> prompt;  // BOS included
    GenerateOptions generate; // tokens, ends, backend; sampler left to the verb
};

// `plans` are what will run: how long they let a text grow is how much may be asked for. Throws UsageError,
// CheckpointError.
PreparedRun prepareRun(const RunOptions& options, std::span<const AttentionPlan> plans);

// The bytes of tokens[from..], BOS and EOS left out.
std::string textOf(const Tokenizer& tokenizer, const std::vector<int>& tokens, std::size_t from = 0);

} // namespace fovea
