// What clang_vector.h leaves without a definition: std::fill over a vector<bool>, under the name that its constexpr
// declaration has for the linker.

#include <vector>

[[gnu::used]] void fillBits(std::_Bit_iterator first, std::_Bit_iterator last,
                            const bool& value) asm("_ZSt9__fill_a1St13_Bit_iteratorS_RKb");

void fillBits(std::_Bit_iterator first, std::_Bit_iterator last, const bool& value) {
    for (; first != last; ++first)
        *first = value;
}
