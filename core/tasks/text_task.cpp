// Bits per character: a window of a text, its first half read densely, the rest teacher-forced under the plan. Metric:
// Σ −log2 p(token) of the second half over the bytes that those tokens spell; lower is better. As SparQ judges language
// modelling (arXiv 2312.04985, section 5: WikiText-103 with a prefilled beginning), here at any length and of any text.

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/engine/run.h"
#include "core/model/model_spec.h"
#include "core/tasks/random.h"
#include "core/tasks/task.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

class TextTask final : public Task {
public:
    TextTask(const TaskOptions& options, const ModelSpec& spec, std::shared_ptr<const Tokenizer> tokenizer)
        : m_tokenizer(std::move(tokenizer)), m_seed(options.seed),
          m_text(m_tokenizer->encode(options.text, false)) {
        m_first = m_tokenizer->addsBos() && m_tokenizer->bos() >= 0;
        const std::int64_t available = std::ssize(m_text) + m_first;
        m_length = options.length > 0 ? options.length : std::min<std::int64_t>(spec.context, available);
        if (m_length > available)
            throw std::invalid_argument("the text has " + std::to_string(available) + " tokens, fewer than " +
                                        std::to_string(m_length) +
                                        ": name a longer text or a smaller length");
        if (m_length < 8)
            throw std::invalid_argument(
                options.length > 0 ? "bits per character need a length of 8 tokens or more"
                                   : "the text has " + std::to_string(available) +
                                         " tokens and bits per character need 8: name a longer text");
        m_facts.name = "text";
        m_facts.metric = "bits per character";
        m_facts.higherBetter = false;
        m_facts.figures = "windows of " + std::to_string(m_length) + " tokens, the last " +
                          std::to_string(m_length - m_length / 2) + " graded";
    }

    const TaskFacts& facts() const override { return m_facts; }

    // Windows lie anywhere in the text; the first sample begins where the text does.
    TaskSample sample(int index) const override {
        Random random(sampleSeed(m_seed, index));
        const std::int64_t last = std::ssize(m_text) + m_first - m_length;
        const std::int64_t start = index == 0 ? 0 : random.between(0, last);
        TaskSample sample;
        if (m_first)
            sample.prompt.push_back(m_tokenizer->bos());
        const auto at = m_text.begin() + start;
        const std::int64_t half = m_length / 2 - m_first;
        sample.prompt.insert(sample.prompt.end(), at, at + half);
        sample.follows.assign(at + half, at + m_length - m_first);
        return sample;
    }

    double score(const TaskSample& sample, const Run& run) const override {
        double nats = 0;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < run.steps.size() && i < sample.follows.size(); ++i) {
            nats += run.steps[i].surprise;
            bytes +=
                m_tokenizer->piece(i == 0 ? sample.prompt.back() : sample.follows[i - 1], sample.follows[i])
                    .size();
        }
        return bytes > 0 ? nats / std::log(2.) / static_cast<double>(bytes) : 0;
    }

private:
    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::uint64_t m_seed;
    std::vector<int> m_text;
    std::int64_t m_first = 0, m_length = 0; // BOS tokens, and all tokens of a window
    TaskFacts m_facts;
};

} // namespace

std::unique_ptr<Task> makeTextTask(const TaskOptions& options, const ModelSpec& spec,
                                   std::shared_ptr<const Tokenizer> tokenizer) {
    return std::make_unique<TextTask>(options, spec, std::move(tokenizer));
}

} // namespace fovea
