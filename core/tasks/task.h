#pragma once
// What a plan is judged by: texts to run, and a number for each.
//
// A task makes samples; a sample is a prompt, which is read densely, and what follows it, which is read or written
// under the plan. Sample i is the same whatever the plan, so plans are compared on the same texts.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

class Tokenizer;
struct ModelSpec;
struct Run;

struct TaskSample {
    std::vector<int> prompt;  // BOS first, where the model wants one; never empty
    std::vector<int> follows; // teacher-forced after it; empty: the model goes on by itself
    std::int64_t tokens = 0;  // that it writes where nothing follows
    std::string reference;    // what a free text is held against
    // follows[first .. first+count) that are graded together
    struct Answer {
        std::int64_t first = 0, count = 0;
        std::size_t part = 0; // of TaskFacts::parts
    };
    std::vector<Answer> answers;
    // Steps that a run of it takes.
    std::int64_t steps() const {
        return follows.empty() ? tokens : static_cast<std::int64_t>(follows.size());
    }
};

struct TaskFacts {
    std::string name;   // "recall", as it is asked for
    std::string metric; // "accuracy", "characters reproduced", "bits per character"
    bool higherBetter = true;
    double high = 0;     // bound of the metric; 0: none
    std::string figures; // "16 pairs in 512 tokens": what was scaled, said
    // What answers are also graded apart by, each its own share of right ones: "up to 64 tokens back"; empty: nothing
    std::vector<std::string> parts = {};
};

// Of one sample's answers that belong to a part.
struct PartCount {
    std::int64_t right = 0, asked = 0;
};

class Task {
public:
    virtual ~Task() = default;
    virtual const TaskFacts& facts() const = 0;
    // The same for the same index, seed and options. index >= 0.
    virtual TaskSample sample(int index) const = 0;
    // Of a run of the sample under any plan, with its logits.
    virtual double score(const TaskSample& sample, const Run& run) const = 0;
    // The same run's answers by part, one of each of facts().parts.
    virtual std::vector<PartCount> parts(const TaskSample&, const Run&) const { return {}; }
};

struct TaskOptions {
    std::string name = "recall"; // recall, repetition, text
    std::int64_t length = 0;     // tokens of a sample; 0: the task's own choice for the model's context
    int pairs = 16;              // recall
    // recall: tokens of a sample that are its prompt, the list among them; what is asked for there is not graded, but a
    // keep that cuts prompts by what their queries look at then has some that ask. 0: the list alone.
    std::int64_t prompt = 0;
    std::uint64_t seed = 1;
    std::string text; // what passages, filler and windows are cut from
};

// Throws std::invalid_argument with one sentence where the options make no task for the model.
std::unique_ptr<Task> makeTask(const TaskOptions& options, const ModelSpec& spec,
                               std::shared_ptr<const Tokenizer> tokenizer);

std::unique_ptr<Task> makeRecallTask(const TaskOptions&, const ModelSpec&, std::shared_ptr<const Tokenizer>);
std::unique_ptr<Task> makeRepetitionTask(const TaskOptions&, const ModelSpec&,
                                         std::shared_ptr<const Tokenizer>);
std::unique_ptr<Task> makeTextTask(const TaskOptions&, const ModelSpec&, std::shared_ptr<const Tokenizer>);

// The generator of sample `index`: neighbouring seeds and indices share nothing.
std::uint64_t sampleSeed(std::uint64_t seed, int index);
// The token ranked first to follow step `step` of a run with logits; ties go to the lowest id.
int firstChoice(const Run& run, std::size_t step);

} // namespace fovea
