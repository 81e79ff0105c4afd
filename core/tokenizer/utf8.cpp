#include "core/tokenizer/utf8.h"

#include <algorithm>

namespace fovea {

namespace {

// What the byte after `lead` may be: no overlong forms, no surrogates, nothing above U+10FFFF.
struct SecondByte {
    unsigned char least, most;
};

SecondByte secondByte(unsigned char lead) {
    switch (lead) {
    case 0xe0:
        return {0xa0, 0xbf};
    case 0xed:
        return {0x80, 0x9f};
    case 0xf0:
        return {0x90, 0xbf};
    case 0xf4:
        return {0x80, 0x8f};
    default:
        return {0x80, 0xbf};
    }
}

std::size_t lengthAfter(unsigned char lead) {
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}

} // namespace

Utf8Character firstCharacter(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {lead, 1, true};
    const std::size_t wanted = lengthAfter(lead);
    if (wanted == 1)
        return {};
    const SecondByte second = secondByte(lead);
    char32_t code = lead & (0xffu >> (wanted + 1));
    for (std::size_t i = 1; i < wanted; ++i) {
        const unsigned char least = i == 1 ? second.least : 0x80, most = i == 1 ? second.most : 0xbf;
        if (i >= text.size() || byte(i) < least || byte(i) > most)
            return {0xfffd, i, false};
        code = code << 6 | (byte(i) & 0x3f);
    }
    return {code, wanted, true};
}

char32_t lastCharacter(std::string_view text) {
    std::size_t at = text.size() - 1;
    while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
        --at;
    return firstCharacter(text.substr(at)).code;
}

std::size_t characterLength(std::string_view text) {
    const Utf8Character character = firstCharacter(text);
    return character.valid ? character.length : 1;
}

bool isUtf8(std::string_view text) {
    while (!text.empty()) {
        const Utf8Character character = firstCharacter(text);
        if (!character.valid)
            return false;
        text.remove_prefix(character.length);
    }
    return true;
}

void appendUtf8(std::string& text, char32_t code) {
    const auto tail = [&](int shift) { text += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
    if (code < 0x80) {
        text += static_cast<char>(code);
    } else if (code < 0x800) {
        text += static_cast<char>(0xc0 | code >> 6);
        tail(0);
    } else if (code < 0x10000) {
        text += static_cast<char>(0xe0 | code >> 12);
        tail(6);
        tail(0);
    } else {
        text += static_cast<char>(0xf0 | code >> 18);
        tail(12);
        tail(6);
        tail(0);
    }
}

const std::array<char32_t, 256>& byteLetters() {
    // Printable bytes of Latin-1 stand for themselves, the others, in order, for U+0100 and on.
    static const std::array<char32_t, 256> letters = [] {
        std::array<char32_t, 256> made{};
        char32_t next = 0x100;
        for (char32_t byte = 0; byte < 256; ++byte) {
            const bool printable =
                (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
            made[byte] = printable ? byte : next++;
        }
        return made;
    }();
    return letters;
}

int byteOfLetter(char32_t letter) {
    static const std::array<short, 0x144> bytes = [] {
        std::array<short, 0x144> made{};
        made.fill(-1);
        for (std::size_t byte = 0; byte < 256; ++byte)
            made[byteLetters()[byte]] = static_cast<short>(byte);
        return made;
    }();
    return letter < bytes.size() ? bytes[letter] : -1;
}

} // namespace fovea
