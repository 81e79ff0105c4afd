#include "core/methods/quantise/code_run.h"

#include <algorithm>

namespace fovea {

namespace {

// Where bit `bit` of a code lies, in bits from a run's beginning.
struct Places {
    int bits;
    std::int64_t n;

    std::int64_t of(std::int64_t code, int bit) const {
        if (bits == 8)
            return code * 8 + bit;
        std::int64_t first = 0; // of the unit's codes
        for (const int lanes : kUnitLanes) {
            const std::int64_t unit = std::int64_t{lanes} * kRunsPerUnit;
            const std::int64_t left = n - first,
                               whole = lanes == kUnitLanes[0] ? left / unit * unit : left / unit % 2 * unit;
            if (code < first + whole) {
                first += (code - first) / unit * unit;
                return first * bits + inUnit(code - first, bit, lanes);
            }
            first += whole;
        }
        return first * bits + (code - first) * bits + bit;
    }

private:
    std::int64_t inUnit(std::int64_t code, int bit, int lanes) const {
        const std::int64_t lane = code % lanes, run = code / lanes;
        if (bits == 4)
            return lane * 32 + run % 2 * 16 + run / 2 * 4 + bit;
        if (bits == 2)
            return (lane * kRunsPerUnit + run) * 2 + bit;
        return bit < 2 ? (lane * kRunsPerUnit + run) * 2 + bit : lanes * 16 + lane * kRunsPerUnit + run;
    }
};

// The eight codes of each lane as one word, lowest bits first; of 3 bits as two.
void packUnit(int bits, int lanes, const std::uint8_t* codes, std::uint8_t* bytes) {
    const int low = bits == 3 ? 2 : bits; // bits of a code in the first word
    for (int lane = 0; lane < lanes; ++lane) {
        std::uint32_t word = 0, third = 0;
        for (int run = 0; run < kRunsPerUnit; ++run) {
            const std::uint32_t code = codes[run * lanes + lane];
            word |= (code & ((1u << low) - 1)) << (bits == 4 ? run % 2 * 16 + run / 2 * 4 : run * low);
            third |= (code >> 2 & 1) << run;
        }
        for (int byte = 0; byte < low; ++byte) // eight codes are as many bytes as a code has bits
            bytes[lane * low + byte] = static_cast<std::uint8_t>(word >> 8 * byte);
        if (bits == 3)
            bytes[lanes * low + lane] = static_cast<std::uint8_t>(third);
    }
}

} // namespace

void packCodes(int bits, const std::uint8_t* codes, std::int64_t n, std::uint8_t* bytes) {
    if (bits == 8) {
        std::copy_n(codes, n, bytes);
        return;
    }
    for (const int lanes : kUnitLanes)
        for (const int unit = lanes * kRunsPerUnit; n >= unit; n -= unit) {
            packUnit(bits, lanes, codes, bytes);
            codes += unit;
            bytes += lanes * bits;
        }
    std::fill_n(bytes, codeBytes(bits, n), std::uint8_t{0});
    for (std::int64_t i = 0; i < n * bits; ++i)
        bytes[i / 8] |= static_cast<std::uint8_t>((codes[i / bits] >> i % bits & 1) << i % 8);
}

void unpackCodes(int bits, const std::uint8_t* bytes, std::int64_t n, std::uint8_t* codes) {
    const Places places{bits, n};
    for (std::int64_t i = 0; i < n; ++i) {
        int code = 0;
        for (int bit = 0; bit < bits; ++bit) {
            const std::int64_t place = places.of(i, bit);
            code |= (bytes[place / 8] >> place % 8 & 1) << bit;
        }
        codes[i] = static_cast<std::uint8_t>(code);
    }
}

} // namespace fovea
