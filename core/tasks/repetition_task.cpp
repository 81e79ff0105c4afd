// Repetition: a passage, then its own beginning of some sentence again; the model has to go on as the passage did. SparQ's
// task (arXiv 2312.04985, section 5: a context of 6,000 characters, a prompt of 128 that stands in it, and 256 that
// followed it there as the reference). The passage and the prompt are read densely, what comes after is written under
// the plan, greedily. Metric: how many characters of the reference come before the first that differs.
//
// Where 6,384 characters do not fit the model's context, the length asked for or the text, the context becomes shorter;
// only where it would be shorter than prompt and reference together are these scaled too, all by one factor. The figures
// say which.

#include <algorithm>
#include <stdexcept>

#include "core/engine/run.h"
#include "core/model/model_spec.h"
#include "core/tasks/random.h"
#include "core/tasks/task.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

constexpr std::int64_t kContext = 6000, kPrompt = 128, kReference = 256; // characters
constexpr std::int64_t kSlack = 24;           // that cuts are moved by, to where words begin and end
constexpr std::int64_t kLeastCharacters = 48; // of prompt and reference, scaled

bool continuesCharacter(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

class RepetitionTask final : public Task {
public:
    RepetitionTask(const TaskOptions& options, const ModelSpec& spec,
                   std::shared_ptr<const Tokenizer> tokenizer)
        : m_tokenizer(std::move(tokenizer)), m_seed(options.seed), m_text(options.text) {
        const std::int64_t limit = options.length > 0 ? options.length : spec.context;
        fit(limit);
        m_facts.name = "repetition";
        m_facts.metric = "characters reproduced";
        m_facts.high = static_cast<double>(m_reference);
        m_facts.figures = "context of " + std::to_string(m_context) + " characters, prompt " +
                          std::to_string(m_prompt) + ", reference " + std::to_string(m_reference);
        if (m_context < kContext)
            m_facts.figures += " (published: 6000, 128, 256)";
    }

    const TaskFacts& facts() const override { return m_facts; }

    TaskSample sample(int index) const override {
        const Passage passage = cut(index);
        TaskSample sample;
        sample.prompt = promptTokens(*m_tokenizer, passage.shown);
        sample.reference = passage.reference;
        // As many tokens as the reference takes, and some more, for a model may spell it in smaller ones.
        sample.tokens = std::ssize(m_tokenizer->encode(passage.reference, false)) * 5 / 4 + 4;
        return sample;
    }

    double score(const TaskSample& sample, const Run& run) const override {
        std::string written;
        for (std::size_t i = static_cast<std::size_t>(run.promptTokens); i < run.tokens.size(); ++i)
            written += m_tokenizer->piece(run.tokens[i - 1], run.tokens[i]);
        const auto differs =
            std::mismatch(written.begin(), written.end(), sample.reference.begin(), sample.reference.end());
        // Whole characters count.
        auto reached = differs.second;
        while (reached != sample.reference.end() && reached != sample.reference.begin() &&
               continuesCharacter(*reached))
            --reached;
        return static_cast<double>(
            std::count_if(sample.reference.begin(), reached, [](char c) { return !continuesCharacter(c); }));
    }

private:
    struct Passage {
        std::string shown, reference;
    };

    // The longest figures that every one of some passages keeps within `limit` tokens.
    void fit(std::int64_t limit) {
        const std::int64_t text = std::ssize(m_text);
        std::int64_t context = std::min<std::int64_t>(kContext, text);
        while (true) {
            setFigures(context);
            if (m_prompt + m_reference < kLeastCharacters)
                throw std::invalid_argument("repetition needs room for some " +
                                            std::to_string(2 * kLeastCharacters) +
                                            " characters: name a longer text or a greater length than " +
                                            std::to_string(limit) + " tokens");
            std::int64_t most = 0;
            for (int index = 0; index < 8; ++index)
                most = std::max(most, std::ssize(sample(index).prompt) + sample(index).tokens);
            // Other samples may take some tokens more.
            if (most + most / 32 <= limit)
                return;
            context = std::min(context - 1, context * limit / (most + most / 24));
        }
    }

    void setFigures(std::int64_t context) {
        m_context = context;
        // The prompt stands before the reference, both within the context.
        const std::int64_t room = std::max<std::int64_t>(context - kSlack, 0), whole = kPrompt + kReference;
        m_prompt = std::min(kPrompt, kPrompt * room / whole);
        m_reference = std::min(kReference, kReference * room / whole);
    }

    // In bytes, moved to where characters and words begin.
    Passage cut(int index) const {
        Random random(sampleSeed(m_seed, index));
        const std::int64_t latest = std::ssize(m_text) - m_context;
        const std::int64_t start = characterFrom(std::min(wordFrom(random.between(0, latest)), latest));
        const std::int64_t end = std::min(start + m_context, std::ssize(m_text));
        const std::int64_t last = std::max(end - m_prompt - m_reference - kSlack, start);
        const std::int64_t prompt = characterFrom(std::min(wordFrom(random.between(start, last)), last));
        const auto part = [&](std::int64_t from, std::int64_t to) {
            return m_text.substr(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from));
        };
        // A prompt that ends within a word would have its last token split where the passage's is not.
        const std::int64_t reference = std::min(blankFrom(prompt + m_prompt), end);
        return {part(start, characterFrom(end)) + "\n\n" + part(prompt, reference),
                part(reference, characterFrom(std::min(reference + m_reference, end)))};
    }

    std::int64_t characterFrom(std::int64_t at) const {
        while (at < std::ssize(m_text) && continuesCharacter(m_text[static_cast<std::size_t>(at)]))
            ++at;
        return at;
    }
    // The next blank, if one is near.
    std::int64_t blankFrom(std::int64_t at) const {
        for (std::int64_t i = at; i < std::min(at + kSlack, std::ssize(m_text)); ++i)
            if (m_text[static_cast<std::size_t>(i)] == ' ' || m_text[static_cast<std::size_t>(i)] == '\n')
                return i;
        return characterFrom(at);
    }
    // The beginning of the next word, if one is near.
    std::int64_t wordFrom(std::int64_t at) const {
        return at == 0 ? 0 : characterFrom(blankFrom(at - 1) + 1);
    }

    std::shared_ptr<const Tokenizer> m_tokenizer;
    std::uint64_t m_seed;
    std::string m_text;
    std::int64_t m_context = 0, m_prompt = 0, m_reference = 0; // characters
    TaskFacts m_facts;
};

} // namespace

std::unique_ptr<Task> makeRepetitionTask(const TaskOptions& options, const ModelSpec& spec,
                                         std::shared_ptr<const Tokenizer> tokenizer) {
    return std::make_unique<RepetitionTask>(options, spec, std::move(tokenizer));
}

} // namespace fovea
