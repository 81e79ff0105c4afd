#pragma once
// A prompt: a text, and the tokens that a model makes of it. Making them takes time where the text is long, so that it
// happens in a job and a document is given the result.

#include <QString>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

struct LoadedModel;

struct Prompt {
    std::string text;
    bool chat = false;       // a user's turn, written as the model's chat template has it
    std::vector<int> tokens; // BOS included

    bool operator==(const Prompt&) const = default;
};

// Throws ChatError where `chat` is asked of a model without a template that is understood, CheckpointError as the
// tokenizer does.
Prompt encodePrompt(const LoadedModel& model, std::string text, bool chat);

// The text that a run begins with: formatted where `chat` is.
std::string wholeText(const LoadedModel& model, const Prompt& prompt);

struct FittedPrompt {
    Prompt prompt;
    std::size_t bytes = 0; // of the text that was given
    bool cut() const { return prompt.text.size() < bytes; }
};

// The longest beginning of `text`, whole characters, that is no more than `room` tokens; the text itself where that
// fits. Of a long text no more is encoded than may be needed. Nothing of worth when cancelled.
FittedPrompt fitPrompt(const LoadedModel& model, const std::string& text, bool chat, std::int64_t room,
                       const std::atomic<bool>& cancel);

// "The text was cut to its first 1,984 tokens, 12 % of it: …"
QString cutMessage(const FittedPrompt& fitted, int context, std::int64_t toGenerate);

// A text file's content without a byte order mark, at most 64 MiB. Throws std::runtime_error with one line for what
// cannot be read or is no text.
std::string readPromptFile(const std::string& path);

} // namespace fovea
