#pragma once
// Packed codes of a row as a team of lanes takes them: eight each, in one word, or two of bytes.
//
// The layout of codes (core/methods/quantise/code_run.h) was made for vectors, and a warp is one: a unit of 8·L codes has
// L lanes, each with codes i, i + L, … i + 7·L in a word of its own. A thread takes one such word, so a team's lanes read
// neighbouring words. What is left of d beyond whole units is a string of bits, eight codes of it a thread.

#include <cuda_fp16.h>

#include <cstdint>

#include <simt.h>

#include "core/kernels/cuda/attend_tile.h"

namespace fovea::cuda {

template <int kBits>
constexpr int kCodeWords = kBits == 8 ? 2 : 1; // of a thread's codes

// Which of a row's codes a lane takes: from `first` on, every `stride`-th, eight of them. `unit` is the lane at which its
// unit begins.
struct CodePlace {
    int first, stride, unit;
};

template <int kBits>
__device__ __forceinline__ CodePlace placeOfCodes(int lane, int headDim) {
    if (kBits == 8)
        return {lane * kElements, 1, lane};
    int unit = headDim / 128 * 16;
    if (lane < unit)
        return {lane / 16 * 16 * kElements + lane % 16, 16, lane / 16 * 16};
    for (const int lanes : {8, 4}) {
        if (headDim / kElements - unit < lanes)
            continue;
        if (lane < unit + lanes)
            return {unit * kElements + lane - unit, lanes, unit};
        unit += lanes;
    }
    return {lane * kElements, 1, lane};
}

// Eight codes of a string as a lane of a unit holds them: the k-th from bit (k mod 2)·16 + ⌊k/2⌋·4 on at 4 bits; at 3 its
// low bits from 2·k on and its third at 16 + k.
template <int kBits>
__device__ __forceinline__ unsigned asUnit(unsigned string) {
    if (kBits != 4 && kBits != 3)
        return string;
    unsigned word = 0;
#pragma unroll
    for (int k = 0; k < kElements; ++k) {
        const unsigned code = string >> (k * kBits) & ((1u << kBits) - 1);
        word |=
            kBits == 4 ? code << (k % 2 * 16 + k / 2 * 4) : (code & 3u) << (2 * k) | code >> 2 << (16 + k);
    }
    return word;
}

// A code where it stands in its word: code << shift, the other bits gone. All shifts leave it below 2^23.
template <int kBits>
__device__ __forceinline__ unsigned maskedCode(const unsigned* words, int k) {
    if (kBits == 8)
        return (words[k / 4] >> (k % 4 / 2 * 16)) & (0xffu << (k % 2 * 8));
    if (kBits == 4)
        return (words[0] >> (k % 2 * 16)) & (0xfu << (k / 2 * 4));
    if (kBits == 3)
        return (words[0] & (3u << (2 * k))) | (words[0] >> (14 - k) & (4u << (2 * k)));
    return words[0] & (3u << (2 * k));
}
template <int kBits>
__host__ __device__ constexpr int shiftOfCode(int k) {
    return kBits == 8 ? k % 2 * 8 : kBits == 4 ? k / 2 * 4 : 2 * k;
}

// A lane's codes of a row, as they lie. Of bytes they are two words, which one load of Pair (uint2) takes where rows allow
// it, and else (Pair is unsigned) two.
template <int kBits, class Pair>
__device__ __forceinline__ void loadCodes(const unsigned char* row, const CodePlace& place, int lane,
                                          unsigned (&codes)[kCodeWords<kBits>]) {
    if constexpr (kBits == 8 && sizeof(Pair) == 8) {
        const uint2 words = loadOnce(reinterpret_cast<const uint2*>(row) + lane);
        codes[0] = words.x;
        codes[1] = words.y;
    } else if constexpr (kBits == 8) {
        codes[0] = loadOnce(reinterpret_cast<const unsigned*>(row) + 2 * lane);
        codes[1] = loadOnce(reinterpret_cast<const unsigned*>(row) + 2 * lane + 1);
    } else if (kBits == 4) {
        codes[0] = loadOnce(reinterpret_cast<const unsigned*>(row) + lane);
    } else if (kBits == 2) {
        codes[0] = loadOnce(reinterpret_cast<const unsigned short*>(row) + lane);
    } else if (place.stride > 1) {
        const unsigned char* unit = row + place.unit * kBits;
        const int inUnit = lane - place.unit;
        codes[0] = loadOnce(reinterpret_cast<const unsigned short*>(unit) + inUnit) |
                   static_cast<unsigned>(loadOnce(unit + 2 * place.stride + inUnit)) << 16;
    } else {
        for (int byte = 0; byte < kBits; ++byte)
            codes[0] |= static_cast<unsigned>(loadOnce(row + lane * kBits + byte)) << (8 * byte);
    }
}

// The same where every lane's are in a unit.
template <int kBits>
__device__ __forceinline__ void inUnits(const CodePlace& place, const unsigned (&codes)[kCodeWords<kBits>],
                                        unsigned (&words)[kCodeWords<kBits>]) {
    words[0] = place.stride == 1 ? asUnit<kBits>(codes[0]) : codes[0];
    if (kBits == 8)
        words[kCodeWords<kBits> - 1] = codes[kCodeWords<kBits> - 1];
}

// Code k less `zero`. 2^23 + code·2^shift is the code put into the mantissa of 2^23, which one multiplication and addition
// takes out again without rounding; conversions of integers have a quarter of the rate.
template <int kBits>
__device__ __forceinline__ float codeLess(const unsigned (&words)[kCodeWords<kBits>], int k, float zero) {
    const unsigned bits = 0x4b000000u | maskedCode<kBits>(words, k);
    const float unit = 1.0f / static_cast<float>(1 << shiftOfCode<kBits>(k));
    return reinterpret_cast<const float&>(bits) * unit - (8388608.0f * unit + zero);
}

} // namespace fovea::cuda
