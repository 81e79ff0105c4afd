#pragma once
// Runs of codes, as core/methods/quantise/code_run.h orders them: one byte of a packed run, and one code out of it.

#include <simt.h>

namespace fovea::cuda {

constexpr int kRunCodes = 8; // of each lane of a unit

// Byte `byte` of the unit whose codes begin at `first`, of lanes·8 codes: lane words first, and at 3 bits the third bits.
__device__ __forceinline__ unsigned unitByte(int bits, int lanes, int byte, int first,
                                             const Shared<unsigned>& codes) {
    const int low = bits == 3 ? 2 : bits; // bits of a code in a lane's word, and so bytes of the word
    unsigned result = 0;
    if (byte >= lanes * low) {
        for (int run = 0; run < kRunCodes; ++run)
            result |= (codes[first + run * lanes + byte - lanes * low] >> 2 & 1u) << run;
        return result;
    }
    const int lane = byte / low, inWord = byte % low;
    if (bits == 4) { // nibble k of a word's half is run 2·k of it, and half 1 has the odd runs
        for (int nibble = 0; nibble < 2; ++nibble) {
            const int run = 2 * (inWord % 2 * 2 + nibble) + inWord / 2;
            result |= codes[first + run * lanes + lane] << (4 * nibble);
        }
        return result;
    }
    for (int i = 0; i < 4; ++i)
        result |= (codes[first + (inWord * 4 + i) * lanes + lane] & 3u) << (2 * i);
    return result;
}

// Byte `byte` of a run of n codes.
__device__ __forceinline__ unsigned packedByte(int bits, int n, int byte, const Shared<unsigned>& codes) {
    if (bits == 8)
        return codes[byte];
    int first = 0; // of what is left
    for (int lanes = 16; lanes >= 4; lanes /= 2) {
        const int units = (n - first) / (lanes * kRunCodes), unitBytes = lanes * bits;
        if (byte < units * unitBytes)
            return unitByte(bits, lanes, byte % unitBytes, first + byte / unitBytes * lanes * kRunCodes,
                            codes);
        byte -= units * unitBytes;
        first += units * lanes * kRunCodes;
    }
    unsigned result = 0; // of a string of bits, the lowest first
    for (int bit = 0; bit < 8; ++bit) {
        const int place = byte * 8 + bit, code = first + place / bits;
        if (code < n)
            result |= (codes[code] >> (place % bits) & 1u) << bit;
    }
    return result;
}

// Code `code` of a unit of lanes·8.
__device__ __forceinline__ unsigned unitCode(int bits, int lanes, int code, const unsigned char* bytes) {
    const int lane = code % lanes, run = code / lanes;
    if (bits == 4) {
        const int place = run % 2 * 16 + run / 2 * 4;
        return bytes[lane * 4 + place / 8] >> (place % 8) & 15u;
    }
    const unsigned low = bytes[lane * 2 + run / 4] >> (run % 4 * 2) & 3u;
    return bits == 2 ? low : low | (bytes[lanes * 2 + lane] >> run & 1u) << 2;
}

// Code `code` of a run of n.
__device__ __forceinline__ unsigned codeAt(int bits, int n, int code, const unsigned char* bytes) {
    if (bits == 8)
        return bytes[code];
    int left = n;
    for (int lanes = 16; lanes >= 4; lanes /= 2) {
        const int unit = lanes * kRunCodes, units = left / unit;
        if (code < units * unit)
            return unitCode(bits, lanes, code % unit, bytes + code / unit * lanes * bits);
        bytes += units * lanes * bits;
        code -= units * unit;
        left -= units * unit;
    }
    unsigned result = 0;
    for (int bit = 0; bit < bits; ++bit) {
        const int place = code * bits + bit;
        result |= (bytes[place / 8] >> (place % 8) & 1u) << bit;
    }
    return result;
}

} // namespace fovea::cuda
