#pragma once
// Many plans judged by one task, row by row.

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "core/engine/memory_estimate.h"
#include "core/tasks/sweep_table.h"

namespace fovea {

// What a sweep's rows depend on. `model` and `textName` are told as they are.
SweepArguments sweepArguments(std::string model, const Task& task, const TaskOptions& options, int samples,
                              Backend backend, const std::string& textName);

// What an earlier run of the same sweep left in its file, without refusals, which cost nothing to find again. Throws
// SweepError where the file is no sweep's, or another's: "is another sweep's: samples is …".
SweepTable resumedSweep(std::string_view csv, const SweepArguments& arguments);

// The plans of all templates, dense first, each once, in the order of the templates. A text that is no plan is kept as
// it is, for its row to say why. Throws PlanError for braces that cannot be read.
std::vector<std::string> sweepPlans(const std::vector<std::string>& templates);

// Steps that a sweep still takes, without the plans that the table has a row of.
std::int64_t sweepSteps(const Evaluation& evaluation, const std::vector<std::string>& plans,
                        const SweepTable& done);

// Those of the texts that are plans; the sweep's rows say why the others are none.
std::vector<AttentionPlan> readablePlans(const std::vector<std::string>& texts);

// What plans judged by a task hold at most: one runs at a time, beside the dense run that it is held against. Plans that the
// model refuses cost nothing.
MemoryQuestion sweepMemory(const Task& task, const ModelSpec& spec, const std::vector<AttentionPlan>& plans);

struct SweepObserver {
    std::function<void()> step;                 // a decode step was made
    std::function<void(const SweepTable&)> row; // the table has another row
};

// Adds a row for each plan that has none: what it scored, or why it was refused. Ends when `cancel` is set; a plan that
// was under way has no row then.
void sweep(Evaluation& evaluation, const std::vector<std::string>& plans, SweepTable& table,
           const SweepObserver& observer, const std::atomic<bool>& cancel);

} // namespace fovea
