#pragma once
// Classes of Unicode characters, as the tokenizers' own libraries draw their borders.

namespace fovea {

bool isBlank(char32_t c);         // the property White_Space
bool isNumber(char32_t c);        // Nd, Nl, No
bool isPunctuation(char32_t c);   // P*, and what ASCII counts in: $ + < = > ^ ` | ~
bool isWordCharacter(char32_t c); // \w of Rust's regex: alphabetic, marks, Nd, Pc, joiners

} // namespace fovea
