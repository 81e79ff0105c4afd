#include "core/tokenizer/tokenizer.h"

namespace fovea {

std::vector<int> Tokenizer::encode(std::string_view text, bool bos, bool parseSpecial) const {
    return encodeWithSpans(text, bos, parseSpecial).ids;
}

std::vector<int> Tokenizer::encode(std::string_view text, bool bos) const {
    return encode(text, bos, parsesSpecialByDefault());
}

std::string Tokenizer::decode(const std::vector<int>& tokens) const {
    std::string text;
    int previous = -1;
    for (const int token : tokens) {
        text += piece(previous, token);
        previous = token;
    }
    return text;
}

std::vector<int> promptTokens(const Tokenizer& tokenizer, std::string_view prompt) {
    std::vector<int> tokens = tokenizer.encode(prompt, true);
    if (tokens.empty() && tokenizer.bos() >= 0)
        tokens.push_back(tokenizer.bos());
    return tokens;
}

} // namespace fovea
