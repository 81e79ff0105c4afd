#pragma once
// Plans judged by a task, each held against dense attention on the same samples.
//
// Every sample runs first under the empty plan. A plan then reads the same tokens (for a task that writes freely, those
// that dense attention chose): from that run come KL, agreement and bytes, and the metric where the task is
// teacher-forced. Where it is not, the plan writes once more by itself for the metric.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "core/engine/session.h"
#include "core/tasks/task.h"

namespace fovea {

// Of attention alone, without the model's weights, where nothing else is said.
struct BytesPerStep {
    double formula = 0, counted = 0;
};

// Mean and standard error of `values`: s/√n with s² = Σ(x−mean)²/(n−1); 0 for fewer than two.
struct Spread {
    double mean = 0, standardError = 0;
};
Spread spreadOf(const std::vector<double>& values);
// The share p = Σr/Σa of right answers r of a asked ones in each sample; its error is that of a ratio, samples being
// drawn and not answers: √(n/(n−1)·Σ(r − p·a)²)/Σa over the n samples with a > 0. r may be any number, differences too.
Spread shareOf(const std::vector<PartCount>& counts);

// One of TaskFacts::parts.
struct PartScore {
    std::string name;
    std::int64_t asked = 0; // answers, of all samples
    Spread score, change;   // the share that was right; that less dense's
};

struct PlanScore {
    AttentionPlan plan;
    std::vector<double> scores;   // the metric of each sample that is done
    double mean = 0;              // of them
    double standardError = 0;     // as spreadOf has it
    Spread change; // of the metric less dense's on the same sample: what samples have in common cancels
    std::vector<PartScore> parts; // those in which anything was asked
    BytesPerStep moved;           // mean over the steps at which the plan acted
    BytesPerStep held;            // after the last step, mean over samples
    BytesPerStep weights;         // parameters that those steps read
    double klMean = 0, klMax = 0; // to dense, nats, over the steps at which the plan acted
    double agreement = 1;         // share of those whose first choice is dense's
    std::int64_t steps = 0;       // at which the plan acted
    double secondsPerStep = 0;    // timed, mean of the same

    bool operator==(const PlanScore&) const = default;
};

struct EvaluationOptions {
    int samples = 8;
    Backend backend = Backend::Cpu;
    // What dense runs may hold in logits between plans; what is beyond it is run again for every plan.
    std::int64_t keptBytes = std::int64_t{512} << 20;
};

class Evaluation {
public:
    Evaluation(std::shared_ptr<const Model> model, std::shared_ptr<const Task> task,
               EvaluationOptions options);

    // Why the plan cannot be judged here, as one sentence, or nothing.
    std::optional<std::string> refusal(const AttentionPlan& plan) const;
    // Decode steps that evaluate() takes at most, with the dense runs that are not kept yet.
    std::int64_t steps(const AttentionPlan& plan) const;
    // `onStep` hears every decode step. A set `cancel` ends it: the samples that are done are in the score. Throws
    // PlanError where refusal() says so.
    PlanScore evaluate(const AttentionPlan& plan, const std::function<void()>& onStep,
                       const std::atomic<bool>& cancel);

    const Task& task() const { return *m_task; }
    int samples() const { return m_options.samples; }

private:
    std::shared_ptr<const Run> run(const TaskSample& sample, const AttentionPlan& plan,
                                   const std::vector<int>& forced, const std::function<void()>& onStep,
                                   const std::atomic<bool>& cancel) const;
    std::shared_ptr<const Run> denseRun(int index, const TaskSample& sample,
                                        const std::function<void()>& onStep, const std::atomic<bool>& cancel);

    std::shared_ptr<const Model> m_model;
    std::shared_ptr<const Task> m_task;
    EvaluationOptions m_options;
    std::vector<TaskSample> m_samples;
    std::vector<std::shared_ptr<const Run>> m_dense; // per sample; null: not run, or not kept
    std::int64_t m_kept = 0;                         // bytes of logits
};

} // namespace fovea
