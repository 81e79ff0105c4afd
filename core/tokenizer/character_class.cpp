#include "core/tokenizer/character_class.h"

#include <unicode/uchar.h>

#include <cstdint>

namespace fovea {

namespace {

bool within(char32_t c, std::uint32_t categories) {
    return (U_MASK(u_charType(static_cast<UChar32>(c))) & categories) != 0;
}

} // namespace

bool isBlank(char32_t c) {
    return u_isUWhiteSpace(static_cast<UChar32>(c));
}

bool isNumber(char32_t c) {
    return within(c, U_GC_N_MASK);
}

bool isPunctuation(char32_t c) {
    return c < 0x80 ? (c > 0x20 && c < 0x7f && !u_isalnum(static_cast<UChar32>(c))) : within(c, U_GC_P_MASK);
}

bool isWordCharacter(char32_t c) {
    const auto code = static_cast<UChar32>(c);
    return within(c, U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK) ||
           u_hasBinaryProperty(code, UCHAR_ALPHABETIC) || u_hasBinaryProperty(code, UCHAR_JOIN_CONTROL);
}

} // namespace fovea
