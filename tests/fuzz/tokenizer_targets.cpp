#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "core/model/gguf.h"
#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/gguf_vocabulary.h"
#include "core/tokenizer/llama2c_tokenizer.h"
#include "core/tokenizer/sentencepiece_tokenizer.h"
#include "core/tokenizer/tokenizer.h"
#include "core/tokenizer/tokenizer_json.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/targets.h"

namespace fovea::fuzz {

namespace {

constexpr std::size_t kLongestText = 64;
constexpr int kMostPieces = 5000; // spelt one by one; a vocabulary of millions would say no more

void requireSound(const Tokenizer& tokenizer, std::string_view text, bool parseSpecial) {
    const Encoding encoding = tokenizer.encodeWithSpans(text, true, parseSpecial);
    if (encoding.spans.size() != encoding.ids.size())
        throw Finding("as many spans as ids were promised");
    for (const int id : encoding.ids)
        if (id < 0 || id >= tokenizer.vocabulary())
            throw Finding("an id outside the vocabulary");
    for (const TextSpan& span : encoding.spans)
        if (span.begin > span.end || span.end > text.size())
            throw Finding("a span outside the text");
    tokenizer.decode(encoding.ids);
}

// Encodes text, the file's own last bytes among it, and spells every piece.
void use(const Tokenizer& tokenizer, std::string_view bytes) {
    constexpr std::string_view kText = "  The tree's 12 trees\n\t<0x41><s> \xe2\x96\x81\xf0\x9f\x8c\xb3 \xff";
    const std::string_view tail = bytes.substr(bytes.size() - std::min(bytes.size(), kLongestText));
    for (const std::string_view text : {std::string_view{}, kText, tail})
        for (const bool parseSpecial : {false, true})
            requireSound(tokenizer, text, parseSpecial);
    for (int id = -2; id < std::min(tokenizer.vocabulary() + 2, kMostPieces); ++id) {
        tokenizer.piece(-1, id);
        tokenizer.piece(tokenizer.bos(), id);
        tokenizer.piece(id, id);
        tokenizer.name(id);
        tokenizer.special(id);
    }
    for (const int id : tokenizer.ends())
        if (id < 0 || id >= tokenizer.vocabulary())
            throw Finding("an end outside the vocabulary");
}

} // namespace

bool readGgufVocabulary(std::string_view bytes) {
    return accepted([&] {
        const GgufFile file("model.gguf", std::as_bytes(std::span(bytes)));
        use(*fovea::readGgufVocabulary(file), bytes);
    });
}

bool readTokenizerJson(std::string_view bytes) {
    return accepted([&] { use(*parseTokenizerJson(std::string(bytes), "tokenizer.json"), bytes); });
}

bool readSentencepiece(std::string_view bytes) {
    return accepted([&] { use(*parseSentencepiece(std::string(bytes), "tokenizer.model"), bytes); });
}

bool readLlama2cTokenizer(std::string_view bytes) {
    return accepted([&] { use(*parseLlama2cTokenizer(std::string(bytes), "tokenizer.bin"), bytes); });
}

bool readTokenizerFolder(std::string_view bytes) {
    static const Folder folder;
    folder.clear();
    std::string_view rest = bytes;
    for (const char* name :
         {"vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json"}) {
        const auto end = std::min(rest.find('\0'), rest.size());
        folder.put(name, rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return accepted([&] {
        use(*loadTokenizer(folder.path(), {}, 0), bytes);
        if (const auto chat = chatTemplateOf(folder.path()); chat && chat->known() != chat->note().empty())
            throw Finding("a template that is not known says so");
    });
}

bool readChatTemplate(std::string_view bytes) {
    const ChatTemplate chat(std::string(bytes), "<s>", "</s>");
    if (chat.known() != chat.note().empty() || chat.note().find('\n') != std::string::npos)
        throw Finding("a template that is not known says so in one line");
    const std::vector<ChatMessage> messages = {
        {"system", " s "}, {"user", "a\n"}, {"assistant", "<think>x</think>b"}, {"user", "é"}};
    for (const bool prompt : {false, true}) {
        try {
            chat.format(messages, prompt);
        } catch (const ChatError&) {
        }
    }
    return chat.known();
}

} // namespace fovea::fuzz
