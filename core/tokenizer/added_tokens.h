#pragma once
// Tokens that are found in the text as a whole, before anything else is done to it: markers such as
// <|im_start|>, and what a vocabulary was given by hand.

#include <string>
#include <vector>

#include "core/tokenizer/aligned_text.h"
#include "core/tokenizer/piece_index.h"

namespace fovea {

struct AddedToken {
    int id = -1;
    std::string text;
    bool special = false;    // steers the model: found only when asked for, no text when decoded
    bool normalized = false; // looked for in the normalized text
    bool singleWord = false; // not within a word
    bool leftStrip = false, rightStrip = false; // takes in the blanks beside it
};

class AddedTokens {
public:
    // A part of a text: a token, or text between tokens (id -1).
    struct Part {
        Range range;
        int id = -1;
    };

    AddedTokens() = default;
    explicit AddedTokens(std::vector<AddedToken> tokens);
    AddedTokens(AddedTokens&&) = default; // the index refers into the tokens
    AddedTokens& operator=(AddedTokens&&) = default;
    AddedTokens(const AddedTokens&) = delete;
    AddedTokens& operator=(const AddedTokens&) = delete;

    // The leftmost, longest tokens of `text`, as tokenizer.json's library finds them; specials stay text
    // unless `parseSpecial`.
    std::vector<Part> find(std::string_view text, bool parseSpecial) const;
    bool empty() const { return m_tokens.empty(); }

private:
    std::vector<AddedToken> m_tokens;
    PieceIndex m_index; // into m_tokens
};

} // namespace fovea
