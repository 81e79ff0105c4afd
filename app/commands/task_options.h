#pragma once
// The options that `eval` and `sweep` share: which model, which task, how much of it.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "app/commands/run_options.h"
#include "core/tasks/evaluate.h"
#include "core/tasks/sweep_table.h"

namespace fovea {

struct TaskCommand {
    RunOptions run; // model, tokenizer, backend, threads, memory budget, JSON
    TaskOptions task;
    std::string textFile; // empty: the bundled text
    int samples = 8;
};

void addTaskOptions(CLI::App& command, TaskCommand& options);

// What tasks are made of, known before weights are read.
struct TaskInput {
    std::filesystem::path model;
    std::string modelName; // its canonical path, where there is one
    ModelSpec spec;
    std::shared_ptr<const Tokenizer> tokenizer;
    std::string text, textName;
    Backend backend = Backend::Cpu;
};
// `textFile` empty: the bundled text. Throws UsageError, CheckpointError.
TaskInput taskInput(const RunOptions& run, const std::string& textFile);

struct PreparedTask {
    std::unique_ptr<Evaluation> evaluation;
    SweepArguments arguments;
};

// Plans that can be read count towards the memory that is asked for. Throws UsageError, CheckpointError, PlanError.
PreparedTask prepareTask(const TaskCommand& options, const std::vector<AttentionPlan>& plans);

} // namespace fovea
