// Conversations against Python `transformers`; tests/golden/make_chat_goldens.py made the goldens.

#include "core/tokenizer/chat_template.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/tokenizer/tokenizer_json.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;
using Json = nlohmann::json;

namespace {

std::vector<ChatMessage> messagesOf(const Json& json) {
    std::vector<ChatMessage> messages;
    for (const Json& message : json)
        messages.push_back({message.at("role"), message.at("content")});
    return messages;
}

const std::vector<ChatMessage> kHi = {{"user", "Hi"}};

constexpr const char* kChatMl =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";

} // namespace

TEST_CASE("Each family's template writes a conversation as the peer does", "[core.tokenizer]") {
    const Json golden =
        Json::parse(readFile(FOVEA_SOURCE_DIR "/tests/golden/chat/templates.json", 16u << 20));
    REQUIRE(golden.size() >= 14);
    for (const Json& entry : golden) {
        const std::string name = entry.at("name");
        INFO(name);
        const ChatTemplate chat(entry.at("template"), "<s>", "</s>");
        CHECK(chat.note() == "");
        REQUIRE(chat.known());
        CHECK(name.starts_with(chat.name()));
        for (const Json& c : entry.at("cases")) {
            INFO(c.at("messages"));
            const auto messages = messagesOf(c.at("messages"));
            if (c.at("text").is_null()) // the template does not take it
                CHECK_THROWS_AS(chat.format(messages, c.at("prompt")), ChatError);
            else
                CHECK(chat.format(messages, c.at("prompt")) == c.at("text").get<std::string>());
        }
    }
}

TEST_CASE("A template that is not understood leaves the prompt as it is, and says so", "[core.tokenizer]") {
    for (const char* source :
         {"{% call x() %}", "{{ messages | wonder }}", "{{ messages[0].content.wonder() }}", "{% if true %}",
          "{{ 'a", "{{ a", "{# a", "{% endfor %}", "{{ 1 + }}", "{{ () + 1 }}", "{{ ? }}",
          "{% for %}{% endfor %}", "{{ wonder() }}", "{{ messages }}", "{{ 1 // 0 }}", "{{ nothing.at.all }}",
          "{% for x in 3 %}{% endfor %}"}) {
        const ChatTemplate chat(source, "", "");
        INFO(source);
        CHECK_FALSE(chat.known());
        CHECK(chat.note().starts_with("its chat template is not one Fovea knows ("));
        CHECK(chat.note().ends_with("the prompt is sent as it is"));
        CHECK(chat.note().find('\n') == std::string::npos);
        CHECK(chat.format(kHi) == "Hi");
    }
}

TEST_CASE("A hostile template ends, and soon", "[core.tokenizer]") {
    const std::string doubling = "{% set x = 'ab' %}" + [] {
        std::string text;
        for (int i = 0; i < 60; ++i)
            text += "{% set x = x + x %}";
        return text;
    }();
    const std::string many(400'000, '(');
    std::string sum = "{{ 1", loops, lists = "{% set x = [1] %}";
    for (int i = 0; i < 100'000; ++i)
        sum += "+1";
    for (int i = 0; i < 8; ++i)
        loops += "{% for x in range(99999) %}";
    for (int i = 0; i < 8; ++i)
        loops += "{% endfor %}";
    for (int i = 0; i < 60; ++i)
        lists += "{% set x = x + x %}";
    std::string nested;
    for (int i = 0; i < 10'000; ++i)
        nested += "{% if true %}";
    for (const std::string& source :
         {doubling, "{{ " + many, sum + " }}", loops, lists, nested,
          "{{ not " + std::string(400'000, '-') + "1 }}",
          std::string("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}"),
          std::string("{{ range(99999999) }}"), "{{ [" + std::string(400'000, '[') + " }}",
          std::string(3 << 20, 'x')}) {
        INFO(source.substr(0, 60));
        CHECK_FALSE(ChatTemplate(source, "", "").known());
    }
}

TEST_CASE("A template is found where a model keeps it", "[core.tokenizer]") {
    const TemporaryFolder folder;
    CHECK_FALSE(chatTemplateOf(folder.path()));
    CHECK_FALSE(chatTemplateOf(folder / "model.bin"));
    const Json config = {
        {"bos_token", {{"content", "<b>"}}}, {"eos_token", "<e>"}, {"chat_template", kChatMl}};
    putContent(folder / "tokenizer_config.json", config.dump());
    for (const auto& path : {folder.path(), folder / "tokenizer.json", folder / "config.json"}) {
        const auto chat = chatTemplateOf(path);
        REQUIRE(chat);
        CHECK(chat->name() == "ChatML");
        CHECK(chat->format(kHi) == "<|im_start|>user\nHi<|im_end|>\n");
    }
    Json named = config;
    named["chat_template"] = {{{"name", "tools"}, {"template", "no"}},
                              {{"name", "default"}, {"template", "{{ bos_token + eos_token }}"}}};
    putContent(folder / "tokenizer_config.json", named.dump());
    CHECK(chatTemplateOf(folder.path())->format(kHi) == "<b><e>");
    putContent(folder / "chat_template.jinja", "{{ bos_token }}[INST]");
    CHECK(chatTemplateOf(folder.path())->format(kHi) == "<b>[INST]");
    CHECK(chatTemplateOf(folder.path())->name() == "Mistral");
    putContent(folder / "tokenizer_config.json", "[");
    CHECK_THROWS_AS(chatTemplateOf(folder.path()), CheckpointError);

    test::GgufBytes gguf;
    gguf.pair("tokenizer.ggml.model", "llama").array("tokenizer.ggml.tokens", {"?", "<g>", "</g>"});
    gguf.pair("tokenizer.ggml.bos_token_id", std::uint32_t{1})
        .pair("tokenizer.ggml.eos_token_id", std::uint32_t{7});
    putContent(folder / "a.gguf", gguf.whole());
    CHECK_FALSE(chatTemplateOf(folder / "a.gguf"));
    gguf.pair("tokenizer.chat_template", "{{ bos_token }}{{ eos_token is defined }}");
    putContent(folder / "a.gguf", gguf.whole());
    CHECK(chatTemplateOf(folder / "a.gguf")->format(kHi) == "<g>False");
}

TEST_CASE("A conversation begins with one BOS, whoever writes it", "[core.tokenizer]") {
    const auto tokenizer = parseTokenizerJson(R"({
        "added_tokens": [{"id": 2, "content": "<s>", "special": true}, {"id": 3, "content": "<|end|>", "special": true}],
        "post_processor": {"type": "TemplateProcessing", "pair": [], "special_tokens": {}, "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]},
        "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})",
                                              "made");
    CHECK(encodeChat(*tokenizer, "ab<|end|>") == std::vector<int>{2, 0, 1, 3});
    CHECK(encodeChat(*tokenizer, "<s>ab<|end|>") == std::vector<int>{2, 0, 1, 3});
}
