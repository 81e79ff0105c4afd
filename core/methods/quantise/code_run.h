#pragma once
// How a run of n codes of b bits is held: in ⌈b·n/8⌉ bytes, ordered for vectors.
//
//   8 bits      one byte after the other
//   others      units of 128 codes while there are as many left, then at most one of 64 and one of 32, then a string of
//               bits, code i of the rest in bits i·b … of it, the lowest first
//   a unit      of 8·L codes has L lanes; code i lies in lane i mod L, as the k-th of its eight, k = ⌊i/L⌋, so that L
//               codes that follow each other are one shift of L words:
//                 4 bits   L words of 32 bits; k-th code from bit (k mod 2)·16 + ⌊k/2⌋·4 on
//                 2 bits   L words of 16 bits; k-th code from bit 2·k on
//                 3 bits   L words of 16 bits with the low two bits of each code, from bit 2·k on, then L bytes with
//                          the third, bit k
// Words are little-endian. This is the truth of core/kernels/cpu/codes-inl.h.

#include <cstdint>

namespace fovea {

inline constexpr int kRunsPerUnit = 8;
inline constexpr int kUnitLanes[] = {16, 8, 4}; // L
inline constexpr int kWidestUnit = 128, kNarrowestUnit = 32; // codes

// b·n bits and what fills the last byte; b·n / 8 for whole units.
constexpr std::int64_t codeBytes(int bits, std::int64_t n) {
    return (n * bits + 7) / 8;
}

// bytes (codeBytes) = codes (n), each below 2^bits.
void packCodes(int bits, const std::uint8_t* codes, std::int64_t n, std::uint8_t* bytes);
void unpackCodes(int bits, const std::uint8_t* bytes, std::int64_t n, std::uint8_t* codes);

} // namespace fovea
