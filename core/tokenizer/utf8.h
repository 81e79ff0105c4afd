#pragma once
// Characters of UTF-8 that may be broken.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fovea {

struct Utf8Character {
    char32_t code = 0xfffd;
    std::size_t length = 1; // bytes
    bool valid = false;     // else `code` is U+FFFD and `length` the bytes of the longest beginning of one
};

// The character at the front of `text`, which is not empty.
Utf8Character firstCharacter(std::string_view text);
// The character at the end of `text`, which is valid and not empty.
char32_t lastCharacter(std::string_view text);
// Bytes of the character at the front of `text`, 1 where the text is no UTF-8.
std::size_t characterLength(std::string_view text);
bool isUtf8(std::string_view text);
void appendUtf8(std::string& text, char32_t code);

// GPT-2's spelling of bytes: byte b is written as the character kByteLetters()[b], printable and no blank.
const std::array<char32_t, 256>& byteLetters();
// The byte that `letter` stands for, or -1.
int byteOfLetter(char32_t letter);

} // namespace fovea
