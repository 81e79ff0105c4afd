#pragma once
// The 6-bit scales of GGUF's K blocks, which are packed across 12 bytes.

#include <cstdint>

namespace fovea {

// Scale of group 0..15 of a q3_K block, −32..31: its low four bits are halves of bytes 0..7, its high two
// quarters of bytes 8..11.
constexpr int scaleQ3_K(const std::uint8_t* packed, int group) {
    const int low = group < 8 ? packed[group] & 15 : packed[group - 8] >> 4;
    const int high = packed[8 + group % 4] >> group / 4 * 2 & 3;
    return (low | high << 4) - 32;
}

struct ScaleAndMinimum {
    int scale, minimum; // 0..63
};

// Of group 0..7 of a q4_K or q5_K block. The first four have six bits of bytes 0..3 (scale) and 4..7
// (minimum); the rest four bits of bytes 8..11 and, above them, the two bits that the first four left over.
constexpr ScaleAndMinimum scaleQ4_K(const std::uint8_t* packed, int group) {
    if (group < 4)
        return {packed[group] & 63, packed[group + 4] & 63};
    return {(packed[group + 4] & 15) | packed[group - 4] >> 6 << 4,
            packed[group + 4] >> 4 | packed[group] >> 6 << 4};
}

} // namespace fovea
