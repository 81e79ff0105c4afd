#pragma once
// What is written on a token's chip. A token need not be a whole character: bytes that form none are named.

#include <QString>

#include <string_view>
#include <vector>

namespace fovea {

class Tokenizer;

// Special tokens are written as the vocabulary spells them; an id without a token as its number.
QString tokenText(const Tokenizer& tokenizer, int previous, int token);
// Texts of `tokens`, those before `from` left empty.
std::vector<QString> tokenTexts(const Tokenizer& tokenizer, const std::vector<int>& tokens,
                                std::size_t from = 0);

// "id 243, <0xF0>, a part of 🦙": the token as its vocabulary spells it, and the characters that it covers
// where it ends or begins within one.
QString tokenDetail(const Tokenizer& tokenizer, const std::vector<int>& tokens, std::size_t index);

} // namespace fovea
