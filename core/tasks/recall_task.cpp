// Recall under a plan: the list of recall.h is the prompt, and where a longer prompt is asked for the first stretches of
// filler and queries too; what follows is decoded under the plan, teacher-forced. Metric: the share of queried pairs of which every token of the value is
// ranked first. The task is Fovea's own, after the associative recall of the literature (Arora et al., "Zoology",
// arXiv 2312.04927): pairs are asked for at every distance, and several times. Graded apart by how far the nearest place
// lies back in which the pair stands: up to an eighth of a sample's length, a quarter, half, and beyond.

#include <algorithm>
#include <iterator>
#include <stdexcept>

#include "core/engine/run.h"
#include "core/model/model_spec.h"
#include "core/tasks/recall.h"
#include "core/tasks/task.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

constexpr std::int64_t kLength = 512;
constexpr std::int64_t kBackParts[] = {8, 4, 2}; // of the length: where one distance ends and the next begins

std::int64_t boundOf(std::int64_t length, std::size_t part) {
    return std::max<std::int64_t>(length / kBackParts[part], 1);
}

std::vector<std::string> distanceNames(std::int64_t length) {
    std::vector<std::string> names;
    std::int64_t from = 0;
    for (std::size_t part = 0; part < std::size(kBackParts); ++part) {
        const std::int64_t to = boundOf(length, part);
        names.push_back((from == 0 ? "up to " : std::to_string(from + 1) + " to ") + std::to_string(to) +
                        " tokens back");
        from = to;
    }
    names.push_back("over " + std::to_string(from) + " tokens back");
    return names;
}

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
        m_facts.parts = distanceNames(m_options.length);
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
                sample.answers.push_back({answer.first - prompt, answer.count, partOf(answer.back)});
        return sample;
    }

    double score(const TaskSample& sample, const Run& run) const override {
        std::int64_t right = 0;
        for (const TaskSample::Answer& answer : sample.answers)
            right += isRight(sample, answer, run);
        return static_cast<double>(right) /
               static_cast<double>(std::max<std::size_t>(sample.answers.size(), 1));
    }

    std::vector<PartCount> parts(const TaskSample& sample, const Run& run) const override {
        std::vector<PartCount> counts(m_facts.parts.size());
        for (const TaskSample::Answer& answer : sample.answers) {
            ++counts[answer.part].asked;
            counts[answer.part].right += isRight(sample, answer, run);
        }
        return counts;
    }

private:
    std::size_t partOf(std::int64_t back) const {
        std::size_t part = 0;
        while (part < std::size(kBackParts) && back > boundOf(m_options.length, part))
            ++part;
        return part;
    }

    static bool isRight(const TaskSample& sample, const TaskSample::Answer& answer, const Run& run) {
        for (std::int64_t i = answer.first; i < answer.first + answer.count; ++i)
            if (firstChoice(run, static_cast<std::size_t>(i)) != sample.follows[static_cast<std::size_t>(i)])
                return false;
        return true;
    }

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
