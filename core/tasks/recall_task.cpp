// Recall under a plan: the list of recall.h is the prompt, and where a longer prompt is asked for the first stretches of
// filler and queries too; what follows is decoded under the plan, teacher-forced. Metric: the share of queried pairs of which every token of the value is
// ranked first. The task is Fovea's own, after the associative recall of the literature (Arora et al., "Zoology",
// arXiv 2312.04927): pairs are asked for at every distance, and several times.

#include <algorithm>
#include <stdexcept>

#include "core/engine/run.h"
#include "core/model/model_spec.h"
#include "core/tasks/recall.h"
#include "core/tasks/task.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

constexpr std::int64_t kLength = 512;

class RecallTask final : public Task {
public:
    RecallTask(const TaskOptions& options, const ModelSpec& spec, std::shared_ptr<const Tokenizer> tokenizer)
        : m_tokenizer(std::move(tokenizer)),
          m_seed(options.seed), m_options{.pairs = options.pairs,
                                          .length = options.length > 0
                                                        ? options.length
                                                        : std::min<std::int64_t>(kLength, spec.context)},
          m_filler(m_tokenizer->encode(options.text, false)) {
        if (m_tokenizer->bos() < 0)
            throw std::invalid_argument("recall begins with a BOS token, and this tokenizer has none");
        m_facts.name = "recall";
        m_facts.metric = "accuracy";
        m_facts.high = 1;
        m_prompt = options.prompt;
        m_facts.figures =
            std::to_string(m_options.pairs) + " pairs in " + std::to_string(m_options.length) + " tokens";
        if (m_prompt > 0)
            m_facts.figures += ", the first " + std::to_string(m_prompt) + " its prompt";
        if (sample(0).answers.empty())
            throw std::invalid_argument("recall: " + m_facts.figures +
                                        " leave no room to ask for any, take fewer "
                                        "pairs, a greater length or a shorter prompt");
    }

    const TaskFacts& facts() const override { return m_facts; }

    TaskSample sample(int index) const override {
        Random random(sampleSeed(m_seed, index));
        const RecallExample example = makeRecall(*m_tokenizer, m_filler, m_options, random);
        TaskSample sample;
        const std::int64_t prompt = std::clamp(m_prompt, example.listed, std::ssize(example.tokens));
        sample.prompt.assign(example.tokens.begin(), example.tokens.begin() + prompt);
        sample.follows.assign(example.tokens.begin() + prompt, example.tokens.end());
        for (const RecallExample::Answer& answer : example.answers)
            if (answer.first >= prompt)
                sample.answers.push_back({answer.first - prompt, answer.count});
        return sample;
    }

    double score(const TaskSample& sample, const Run& run) const override {
        std::int64_t right = 0;
        for (const TaskSample::Answer& answer : sample.answers) {
            bool all = true;
            for (std::int64_t i = answer.first; i < answer.first + answer.count; ++i)
                all = all && firstChoice(run, static_cast<std::size_t>(i)) ==
                                 sample.follows[static_cast<std::size_t>(i)];
            right += all;
        }
        return static_cast<double>(right) /
               static_cast<double>(std::max<std::size_t>(sample.answers.size(), 1));
    }

private:
    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::uint64_t m_seed;
    RecallOptions m_options;
    std::int64_t m_prompt = 0;
    std::vector<int> m_filler;
    TaskFacts m_facts;
};

} // namespace

std::unique_ptr<Task> makeRecallTask(const TaskOptions& options, const ModelSpec& spec,
                                     std::shared_ptr<const Tokenizer> tokenizer) {
    return std::make_unique<RecallTask>(options, spec, std::move(tokenizer));
}

} // namespace fovea
