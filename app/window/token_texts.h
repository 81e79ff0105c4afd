#pragma once
// What is written on a token's chip. A token need not be a whole character: bytes that form none are named.

#include <QString>

#include <string_view>
#include <vector>

namespace fovea {

class Tokenizer;

QString tokenText(const Tokenizer& tokenizer, int previous, int token);
// Texts of `tokens`, those before `from` left empty.
std::vector<QString> tokenTexts(const Tokenizer& tokenizer, const std::vector<int>& tokens,
                                std::size_t from = 0);

} // namespace fovea
