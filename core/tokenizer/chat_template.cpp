#include "core/tokenizer/chat_template.h"

#include <array>
#include <system_error>

#include "core/model/checked_file.h"
#include "core/model/gguf.h"
#include "core/tokenizer/gguf_vocabulary.h"
#include "core/tokenizer/jinja/jinja_evaluate.h"
#include "core/tokenizer/jinja/jinja_tokens.h"
#include "core/tokenizer/json_place.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

struct ChatTemplate::Tree {
    jinja::NodePointer root;
};

namespace {

using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr std::uint64_t kLargestConfig = 16u << 20;
constexpr std::size_t kLongestTemplate = 1u << 20;

// The marks of a family, the most telling first.
struct Family {
    const char *mark, *name;
};
constexpr std::array kFamilies = {Family{"<|im_start|>", "ChatML"},
                                  Family{"<|start_header_id|>", "Llama 3"},
                                  Family{"<|header_start|>", "Llama 4"},
                                  Family{"<<SYS>>", "Llama 2"},
                                  Family{"<start_of_turn>", "Gemma"},
                                  Family{"[INST]", "Mistral"},
                                  Family{"<|START_OF_TURN_TOKEN|>", "Command R"},
                                  Family{"<|end|>", "Phi-3"},
                                  Family{"<|user|>", "Zephyr"},
                                  Family{"<|User|>", "DeepSeek"},
                                  Family{"<｜User｜>", "DeepSeek"},
                                  Family{"### Instruction", "Alpaca"},
                                  Family{"USER:", "Vicuna"}};

std::string familyOf(const std::string& source) {
    for (const Family& family : kFamilies)
        if (source.find(family.mark) != source.npos)
            return family.name;
    return "its own";
}

// "bos_token": "<s>" or {"content": "<s>", …}.
std::string tokenIn(const Json& config, const char* key) {
    const auto found = config.find(key);
    if (found == config.end())
        return {};
    const Json& name = found->is_object() && found->contains("content") ? (*found)["content"] : *found;
    return name.is_string() ? name.get<std::string>() : std::string();
}

// A string, or a list of named ones of which one is the default.
std::optional<std::string> templateIn(const Json& config) {
    const auto found = config.find("chat_template");
    if (found == config.end())
        return std::nullopt;
    if (found->is_string())
        return found->get<std::string>();
    if (found->is_array())
        for (const Json& entry : *found)
            if (entry.is_object() && tokenIn(entry, "name") == "default" && entry.contains("template"))
                return tokenIn(entry, "template");
    return std::nullopt;
}

std::optional<ChatTemplate> inFolder(const Path& folder) {
    std::error_code error;
    const auto exists = [&](const char* name) { return std::filesystem::exists(folder / name, error); };
    Json config = Json::object();
    if (exists("tokenizer_config.json"))
        config = readJsonObject(folder / "tokenizer_config.json", kLargestConfig);
    std::optional<std::string> source;
    if (exists("chat_template.jinja"))
        source = readFile(folder / "chat_template.jinja", kLongestTemplate);
    else
        source = templateIn(config);
    if (!source)
        return std::nullopt;
    return ChatTemplate(*source, tokenIn(config, "bos_token"), tokenIn(config, "eos_token"));
}

std::optional<ChatTemplate> inGguf(const GgufFile& file) {
    const GgufValue* source = file.find("tokenizer.chat_template");
    if (source == nullptr || !source->string())
        return std::nullopt;
    const GgufValue* tokens = file.find("tokenizer.ggml.tokens");
    const auto names = tokens != nullptr ? tokens->strings() : std::nullopt;
    const auto name = [&](const char* key) {
        const GgufValue* value = file.find(key);
        const auto id = value != nullptr ? value->integer() : std::nullopt;
        return id && names && *id >= 0 && *id < std::ssize(*names)
                   ? std::string((*names)[static_cast<std::size_t>(*id)])
                   : std::string();
    };
    return ChatTemplate(std::string(*source->string()), name("tokenizer.ggml.bos_token_id"),
                        name("tokenizer.ggml.eos_token_id"));
}

} // namespace

ChatTemplate::ChatTemplate(const std::string& source, std::string bosToken, std::string eosToken)
    : m_name(familyOf(source)), m_bosToken(std::move(bosToken)), m_eosToken(std::move(eosToken)) {
    try {
        if (source.size() > kLongestTemplate)
            throw jinja::Error("more than 1 MiB");
        m_tree = std::make_shared<const Tree>(Tree{jinja::parse(source)});
        format({{"user", "?"}}); // what is not understood often shows only when it is run
    } catch (const std::exception& error) {
        m_tree.reset();
        std::string what = error.what();
        for (char& c : what)
            c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
        m_note = "its chat template is not one Fovea knows (" + what.substr(0, 120) +
                 "); the prompt is sent as it is";
    }
}

std::string ChatTemplate::format(const std::vector<ChatMessage>& messages, bool generationPrompt) const {
    if (!known()) {
        std::string text;
        for (const ChatMessage& message : messages)
            text += (text.empty() ? "" : "\n") + message.content;
        return text;
    }
    // What transformers hands to a template.
    std::map<std::string, jinja::Value> variables = {
        {"add_generation_prompt", generationPrompt}, {"tools", nullptr}, {"documents", nullptr}};
    variables["messages"] = jinja::Value::array();
    for (const ChatMessage& message : messages)
        variables["messages"].push_back({{"role", message.role}, {"content", message.content}});
    // A token that the files do not name is not defined.
    if (!m_bosToken.empty())
        variables["bos_token"] = m_bosToken;
    if (!m_eosToken.empty())
        variables["eos_token"] = m_eosToken;
    try {
        return jinja::write(*m_tree->root, variables);
    } catch (const std::exception& error) {
        throw ChatError("the model's chat template does not take this conversation: " +
                        std::string(error.what()));
    }
}

std::optional<ChatTemplate> chatTemplateOf(const Path& path) {
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        return inFolder(path);
    if (isGguf(path))
        return inGguf(GgufFile(path));
    if (path.extension() != ".json" && path.filename() != "tokenizer.model")
        return std::nullopt;
    return inFolder(path.parent_path().empty() ? "." : path.parent_path());
}

std::vector<int> encodeChat(const Tokenizer& tokenizer, const std::string& formatted) {
    const std::string_view bos = tokenizer.name(tokenizer.bos());
    const bool written = !bos.empty() && formatted.starts_with(bos);
    return tokenizer.encode(formatted, !written, true);
}

} // namespace fovea
