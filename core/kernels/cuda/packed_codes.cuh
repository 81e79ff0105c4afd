#pragma once
// Codes of packed rows, as core/methods/quantise/code_run.h orders them, out of a GPU's registers. Units of 128
// codes are read by half a warp each, eight codes a lane; what is behind the last of them one code at a time.

#include <cstdint>

#include <simt.h>

namespace fovea::cuda {

constexpr int kUnitCodes = 128;
constexpr int kUnitLanes128 = 16; // lanes that share a unit
constexpr int kLaneCodes = kUnitCodes / kUnitLanes128;

// Eight codes of one lane, as they lie. Of 3 bits: the low two bits of each in the lower half, the third ones above.
template <int kBits>
struct LaneCodes {
    unsigned words[kBits == 8 ? 2 : 1];

    // As an unsigned number in the low bits of what is returned.
    __device__ __forceinline__ unsigned code(int k) const {
        if constexpr (kBits == 8)
            return words[k / 4] >> 8 * (k % 4) & 0xffu;
        if constexpr (kBits == 4)
            return words[0] >> ((k % 2) * 16 + (k / 2) * 4) & 0xfu;
        if constexpr (kBits == 3)
            return (words[0] >> 2 * k & 3u) | (words[0] >> (16 + k) & 1u) << 2;
        return words[0] >> 2 * k & 3u;
    }
};

// The column, from the unit's first, of a lane's k-th code.
template <int kBits>
__device__ __forceinline__ int columnInUnit(int lane, int k) {
    return kBits == 8 ? (k / 4) * 64 + lane * 4 + k % 4 : k * kUnitLanes128 + lane;
}

// A little-endian word: at once where it lies at a multiple of its size, else byte by byte.
template <class Word, bool kWhole>
__device__ __forceinline__ unsigned loadWord(const unsigned char* from) {
    if constexpr (kWhole)
        return loadOnce(reinterpret_cast<const Word*>(from));
    unsigned word = 0;
#pragma unroll
    for (unsigned i = 0; i < sizeof(Word); ++i)
        word |= static_cast<unsigned>(loadOnce(from + i)) << 8 * i;
    return word;
}

template <int kBits, bool kWhole>
__device__ __forceinline__ LaneCodes<kBits> loadCodes(const unsigned char* unit, int lane) {
    LaneCodes<kBits> mine;
    if constexpr (kBits == 8) {
        mine.words[0] = loadWord<unsigned, kWhole>(unit + lane * 4);
        mine.words[1] = loadWord<unsigned, kWhole>(unit + 64 + lane * 4);
    } else if constexpr (kBits == 4) {
        mine.words[0] = loadWord<unsigned, kWhole>(unit + lane * 4);
    } else {
        mine.words[0] = loadWord<unsigned short, kWhole>(unit + lane * 2);
        if constexpr (kBits == 3)
            mine.words[0] |= loadWord<unsigned char, kWhole>(unit + 32 + lane) << 16;
    }
    return mine;
}

// Code `at` of a unit of 8·lanes codes that begins at `unit`; not for 8 bits.
template <int kBits>
__device__ __forceinline__ unsigned codeInUnit(const unsigned char* unit, int lanes, int at) {
    const int lane = at % lanes, run = at / lanes;
    if constexpr (kBits == 4) {
        const int bit = lane * 32 + run % 2 * 16 + run / 2 * 4;
        return unit[bit / 8] >> bit % 8 & 0xfu;
    }
    const int bit = (lane * kLaneCodes + run) * 2;
    const unsigned low = unit[bit / 8] >> bit % 8 & 3u;
    return kBits == 2 ? low : low | (unit[lanes * 2 + lane] >> run & 1u) << 2;
}

// Code i of a run of n at `bytes`.
template <int kBits>
__device__ __forceinline__ unsigned codeAt(const unsigned char* bytes, std::int64_t n, std::int64_t i) {
    if constexpr (kBits == 8)
        return bytes[i];
    std::int64_t first = n / kUnitCodes * kUnitCodes; // of what is not in units of 128
    if (i < first)
        return codeInUnit<kBits>(bytes + i / kUnitCodes * (kUnitCodes * kBits / 8), kUnitLanes128,
                                 static_cast<int>(i % kUnitCodes));
#pragma unroll
    for (int lanes = kUnitLanes128 / 2; lanes >= 4;
         lanes /= 2) { // one of 64 codes and one of 32, where they fit
        const int unit = lanes * kLaneCodes;
        if (n - first < unit)
            continue;
        if (i < first + unit)
            return codeInUnit<kBits>(bytes + first * kBits / 8, lanes, static_cast<int>(i - first));
        first += unit;
    }
    const unsigned char* const rest = bytes + first * kBits / 8;
    unsigned code = 0;
#pragma unroll
    for (int b = 0; b < kBits; ++b) {
        const int bit = static_cast<int>(i - first) * kBits + b;
        code |= (rest[bit / 8] >> bit % 8 & 1u) << b;
    }
    return code;
}

} // namespace fovea::cuda
