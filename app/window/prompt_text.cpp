#include "app/window/prompt_text.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <stdexcept>

#include "app/window/loaded_model.h"
#include "core/model/checked_file.h"
#include "core/tokenizer/chat_template.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

namespace {

constexpr std::uint64_t kLongestFile = std::uint64_t{64} << 20;
// Bytes per token that are enough of a long text to begin with; doubled until they are.
constexpr std::size_t kBytesPerToken = 8;

// The largest place <= `at` where a character begins.
std::size_t characterStart(const std::string& text, std::size_t at) {
    while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
        --at;
    return at;
}

std::string beginning(const std::string& text, std::size_t bytes) {
    return bytes >= text.size() ? text : text.substr(0, characterStart(text, bytes));
}

// Where the text's first `tokens` tokens end.
std::size_t endOfTokens(const Tokenizer& tokenizer, const std::string& text, std::int64_t tokens) {
    const Encoding encoding = tokenizer.encodeWithSpans(text, true, tokenizer.parsesSpecialByDefault());
    std::size_t end = 0;
    for (std::size_t i = 0; i < std::min(encoding.spans.size(), static_cast<std::size_t>(tokens)); ++i)
        end = std::max(end, static_cast<std::size_t>(encoding.spans[i].end));
    return end;
}

} // namespace

Prompt encodePrompt(const LoadedModel& model, std::string text, bool chat) {
    Prompt prompt{.text = std::move(text), .chat = chat};
    if (!chat) {
        prompt.tokens = model.tokenizer->encode(prompt.text, true);
        // Nothing else to start from, though the model adds none to a text.
        if (prompt.tokens.empty() && model.tokenizer->bos() >= 0)
            prompt.tokens = {model.tokenizer->bos()};
        return prompt;
    }
    prompt.tokens = encodeChat(*model.tokenizer, wholeText(model, prompt));
    return prompt;
}

std::string wholeText(const LoadedModel& model, const Prompt& prompt) {
    if (!prompt.chat)
        return prompt.text;
    if (!model.chat || !model.chat->known())
        throw ChatError(model.spec.name + " has no chat template that Fovea understands");
    return model.chat->format({{"user", prompt.text}});
}

FittedPrompt fitPrompt(const LoadedModel& model, const std::string& text, bool chat, std::int64_t room,
                       const std::atomic<bool>& cancel) {
    const std::int64_t most = std::max<std::int64_t>(room, 1);
    FittedPrompt fitted{.bytes = text.size()};
    const auto tokens = [&] { return std::ssize(fitted.prompt.tokens); };
    std::size_t bytes = static_cast<std::size_t>(most) * kBytesPerToken;
    for (;; bytes *= 2) {
        fitted.prompt = encodePrompt(model, beginning(text, bytes), chat);
        if (cancel || bytes >= text.size() || tokens() > most)
            break;
    }
    // What a template adds counts too, and a cut may split what was one token: then a little less fits.
    std::int64_t wanted = chat ? most - std::ssize(encodePrompt(model, {}, true).tokens) : most;
    while (!cancel && tokens() > most && !fitted.prompt.text.empty()) {
        const std::string& before = fitted.prompt.text;
        const std::size_t end = std::min(endOfTokens(*model.tokenizer, before, wanted), before.size() - 1);
        fitted.prompt = encodePrompt(model, beginning(before, end), chat);
        wanted -= std::max<std::int64_t>(1, tokens() - most);
    }
    return fitted;
}

QString cutMessage(const FittedPrompt& fitted, int context, std::int64_t toGenerate) {
    const QLocale locale(QLocale::English);
    const double share = fitted.bytes ? 100.0 * static_cast<double>(fitted.prompt.text.size()) /
                                            static_cast<double>(fitted.bytes)
                                      : 100;
    return QCoreApplication::translate("fovea::Prompt",
                                       "The text was cut to its first %1 tokens, %2 % of it: the context is %3, of "
                                       "which %4 are to be generated")
        .arg(locale.toString(static_cast<qlonglong>(fitted.prompt.tokens.size())),
             QString::number(share, 'g', 2), locale.toString(context),
             locale.toString(static_cast<qlonglong>(toGenerate)));
}

std::string readPromptFile(const std::string& path) {
    std::string text = readFile(path, kLongestFile);
    if (text.find('\0') != std::string::npos)
        throw std::runtime_error(path + ": not a text, it has zero bytes; name a text file");
    if (text.starts_with("\xEF\xBB\xBF"))
        text.erase(0, 3);
    return text;
}

} // namespace fovea
