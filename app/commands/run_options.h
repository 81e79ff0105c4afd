#pragma once
// The options that `generate` and `compare` share: which model, which prompt, how long, on what.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/session.h"
#include "core/plan/attention_plan.h"

namespace CLI {
class App;
}

namespace fovea {

class Tokenizer;

struct RunOptions {
    std::string model, tokenizer; // empty: the bundled model; what lies beside the model
    std::string prompt, promptFile, system;
    bool chat = false; // the prompt is a user's turn, written as the model's chat template has it
    std::int64_t tokens = 0, positions = 0; // one of them is given, the other 0
    std::int64_t decodeFrom = -1;
    bool ignoreEos = false;
    std::string backend = "cpu";
    int threads = 0;
    bool json = false;
    std::string memoryBudget; // as typed
};

void addModelOptions(CLI::App& command, RunOptions& options);
// What is read, how long, and how it is answered; addRunOptions adds on which backend.
void addTextOptions(CLI::App& command, RunOptions& options);
void addRunOptions(CLI::App& command, RunOptions& options);
void addBackendOption(CLI::App& command, std::string& backend);
// One line on stderr where the GPU was left for the CPU. `why` is a run's; empty: it was not.
void tellWhyLeft(const std::string& why);

// A model, its tokenizer and the encoded prompt, checked against each other.
struct PreparedRun {
    std::shared_ptr<const Model> model;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::vector<int> prompt;  // BOS included
    bool chat = false;        // the prompt was written by a chat template
    GenerateOptions generate; // tokens, ends, backend; sampler left to the verb
};

// What a run of `plans` side by side would hold is known before the weights are read, and held against the
// budget; how long the plans let a text grow is how much may be asked for. Throws UsageError, CheckpointError, and std::runtime_error beyond a chosen budget.
PreparedRun prepareRun(const RunOptions& options, std::vector<AttentionPlan> plans);

// A text ends where the tokenizer's texts do.
void heedEnds(GenerateOptions& options, const Tokenizer& tokenizer);

// The bytes of tokens[from..], BOS and EOS left out.
std::string textOf(const Tokenizer& tokenizer, const std::vector<int>& tokens, std::size_t from = 0);

} // namespace fovea
