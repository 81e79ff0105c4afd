#pragma once
// How a model that was trained on conversations wants one written: the template that its files carry.

#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace fovea {

class Tokenizer;

struct ChatMessage {
    std::string role; // "system", "user" or "assistant"
    std::string content;
};

// A conversation that the template does not allow, in one line: roles that do not alternate, a system message
// where the model knows none.
class ChatError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

class ChatTemplate {
public:
    // `source` is Jinja; `bosToken` and `eosToken` are how the vocabulary spells them. Never throws for what
    // it does not understand: then known() is false.
    ChatTemplate(const std::string& source, std::string bosToken, std::string eosToken);

    // The family by its marks: "ChatML", "Llama 3", …, or "its own" for a template of no family.
    const std::string& name() const { return m_name; }
    // False where the template has something that Fovea does not understand; then format() leaves the
    // messages as they are, one after the other, and note() says so in one sentence; else it is empty.
    bool known() const { return m_tree != nullptr; }
    const std::string& note() const { return m_note; }

    // The text of the conversation, with the opening of the model's own turn behind it when
    // `generationPrompt`. BOS is in it where the template writes it. Throws ChatError.
    std::string format(const std::vector<ChatMessage>& messages, bool generationPrompt = true) const;

private:
    struct Tree;
    std::string m_name, m_note, m_bosToken, m_eosToken;
    std::shared_ptr<const Tree> m_tree;
};

// Of a Hugging Face folder or a file in it (chat_template.jinja, else tokenizer_config.json), or of a GGUF
// file (tokenizer.chat_template). Nothing where there is none. Throws CheckpointError where a file is broken.
std::optional<ChatTemplate> chatTemplateOf(const std::filesystem::path& path);

// Ids of what format() wrote: markers are tokens, and BOS comes first where the model wants one and the
// template has not written it.
std::vector<int> encodeChat(const Tokenizer& tokenizer, const std::string& formatted);

} // namespace fovea
