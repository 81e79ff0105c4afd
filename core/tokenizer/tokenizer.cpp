#include "core/tokenizer/tokenizer.h"

namespace fovea {

std::vector<int> Tokenizer::encode(std::string_view text, bool bos, bool parseSpecial) const {
    return encodeWithSpans(text, bos, parseSpecial).ids;
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

} // namespace fovea
