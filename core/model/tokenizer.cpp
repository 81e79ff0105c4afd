#include "core/model/tokenizer.h"

namespace fovea {

std::string Tokenizer::decode(const std::vector<int>& tokens) const {
    std::string text;
    int previous = -1;
    for (const int token : tokens) {
        text += piece(previous, token);
        previous = token;
    }
    return text;
}

}  // namespace fovea
