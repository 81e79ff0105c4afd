#pragma once
// Tokens as they are chosen become text that can be shown: whole characters, and nothing twice.

#include <string>

#include "core/tokenizer/tokenizer.h"
#include "core/tokenizer/utf8_stream.h"

namespace fovea {

class TextStream {
public:
    // The tokenizer must outlive this.
    explicit TextStream(const Tokenizer& tokenizer) : m_tokenizer(tokenizer) {}

    // What is complete by now, with `token` after those before it; special tokens say nothing.
    std::string add(int token) {
        std::string text = m_stream.add(m_tokenizer.piece(m_previous, token));
        m_previous = token;
        return text;
    }
    // The beginning of a character that was held back, at the end.
    std::string rest() { return m_stream.rest(); }

private:
    const Tokenizer& m_tokenizer;
    Utf8Stream m_stream;
    int m_previous = -1;
};

} // namespace fovea
