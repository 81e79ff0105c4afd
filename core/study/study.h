#pragma once
// A study of rounding on one model: every plan of study_plans.h judged by every task, and what the tensors are like that
// they round. It is a sweep per task (core/tasks/sweep.h), plan by plan, so that a study which ends early has whole rows.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/memory_estimate.h"
#include "core/study/statistics_table.h"
#include "core/study/study_plans.h"
#include "core/tasks/evaluate.h"
#include "core/tasks/sweep_table.h"

namespace fovea {

constexpr std::string_view kStudyTasks[] = {"text", "recall", "repetition"};

struct StudyOptions {
    int samples = 8;         // of each task
    std::int64_t length = 0; // tokens of each; 0: as the task has it
    int pairs = 16;          // of recall
    std::uint64_t seed = 1;
    std::string text, textName; // all tasks and the statistics are cut from it
    Backend backend = Backend::Cpu;
};

struct StudyTask {
    std::string name;
    std::shared_ptr<const Task> task; // null where this model or text makes none
    std::string whyNot;               // then one sentence
};
// Throws std::invalid_argument with one sentence where none of the tasks can be made.
std::vector<StudyTask> studyTasks(const StudyOptions& options, const ModelSpec& spec,
                                  std::shared_ptr<const Tokenizer> tokenizer);
// The most that any of its runs holds, as sweepMemory has it.
MemoryQuestion studyMemory(const std::vector<StudyTask>& tasks, const ModelSpec& spec);

struct StudySweep {
    std::string task, whyNot; // as StudyTask has them
    SweepTable table;         // dense first, once it is there
};

struct StudyResult {
    std::string model;
    std::vector<StudyPlan> plans;
    std::vector<StudySweep> sweeps; // one of each of kStudyTasks, in that order
    StatisticsTable statistics;     // no rows while they are not there

    // Rows that every plan has of every task that could be made, dense among them, and those that are there.
    std::int64_t rows() const, done() const;
};

// What `before` has of the same questions goes over into `result`, without refusals, which cost nothing to find again.
void takeOver(StudyResult& result, const StudyResult& before);

struct StudyObserver {
    std::function<void(int done, int all)> layer; // of the statistics
    std::function<void()> step;                   // a decode step was made
    // Something is there that was not: of the sweep with this index, or the statistics where it is `sweeps.size()`.
    std::function<void(const StudyResult&, std::size_t changed)> changed;
};

class Study {
public:
    // `name`: the model's path as sweeps tell it. Throws std::invalid_argument as studyTasks does.
    Study(std::shared_ptr<const Model> model, std::shared_ptr<const Tokenizer> tokenizer, std::string name,
          StudyOptions options, std::vector<StudyTask> tasks);

    // With what an earlier one left put into it (study_folder.h), run() does the rest.
    StudyResult& result() { return m_result; }
    const StudyResult& result() const { return m_result; }
    // Decode steps that run() still takes.
    std::int64_t steps() const;
    // Ends when `cancel` is set; what was under way has no row then.
    void run(const StudyObserver& observer, const std::atomic<bool>& cancel);

private:
    // Rows as the plans are: those that were refused before are found again last.
    void order(SweepTable& table) const;
    void readTensors(const StudyObserver& observer, const std::atomic<bool>& cancel);

    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Tokenizer> m_tokenizer;
    StudyOptions m_options;
    std::vector<std::unique_ptr<Evaluation>> m_evaluations; // null where there is no task
    std::vector<std::string> m_texts;                       // dense, then the plans'
    StudyResult m_result;
};

} // namespace fovea
