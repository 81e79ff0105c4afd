// From weights to blocks. See gguf_blocks.h for the layouts.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/model/gguf_blocks.h"
#include "core/model/half_float.h"

namespace fovea {

namespace {

using Bytes = std::uint8_t*;

void putHalf(Bytes to, float value) {
    const std::uint16_t half = toHalf(value);
    to[0] = static_cast<std::uint8_t>(half);
    to[1] = static_cast<std::uint8_t>(half >> 8);
}

float inverse(float scale) {
    return scale == 0 ? 0.f : 1 / scale;
}

// The value that is largest in size, with its sign; the first of equals.
float extreme(const float* w, int n) {
    float found = 0;
    for (int i = 0; i < n; ++i)
        if (std::abs(w[i]) > std::abs(found))
            found = w[i];
    return found;
}

int clamped(float value, int least, int most) {
    return std::clamp(static_cast<int>(std::round(value)), least, most);
}

void putFourBits(Bytes low, int i, int code) {
    low[i % 16] = static_cast<std::uint8_t>(low[i % 16] | (code & 15) << (i < 16 ? 0 : 4));
}

void putFifthBit(Bytes high, int i, int code) {
    high[i / 8] = static_cast<std::uint8_t>(high[i / 8] | (code >> 4) << i % 8);
}

// q4_0 and q5_0: the extreme becomes the lowest code, which is one further from the middle than the highest.
template <int kBits>
void encodeSymmetric(const float* w, Bytes block) {
    constexpr int kMiddle = 1 << (kBits - 1);
    const float d = extreme(w, 32) / -kMiddle, by = inverse(d);
    putHalf(block, d);
    for (int i = 0; i < 32; ++i) {
        const int code = std::min(2 * kMiddle - 1, static_cast<int>(w[i] * by + (kMiddle + .5f)));
        putFourBits(block + (kBits == 5 ? 6 : 2), i, code);
        if constexpr (kBits == 5)
            putFifthBit(block + 2, i, code);
    }
}

// q4_1 and q5_1
template <int kBits>
void encodeFromMinimum(const float* w, Bytes block) {
    const auto [least, most] = std::minmax_element(w, w + 32);
    constexpr int kMost = (1 << kBits) - 1;
    const float m = *least, d = (*most - m) / kMost, by = inverse(d);
    putHalf(block, d);
    putHalf(block + 2, m);
    for (int i = 0; i < 32; ++i) {
        const int code = std::min(kMost, static_cast<int>((w[i] - m) * by + .5f));
        putFourBits(block + (kBits == 5 ? 8 : 4), i, code);
        if constexpr (kBits == 5)
            putFifthBit(block + 4, i, code);
    }
}

void encodeQ8_0(const float* w, Bytes block) {
    const float d = std::abs(extreme(w, 32)) / 127, by = inverse(d);
    putHalf(block, d);
    for (int i = 0; i < 32; ++i)
        block[2 + i] = static_cast<std::uint8_t>(clamped(w[i] * by, -127, 127));
}

// A block of 256 as integers: codes, and a scale and a minimum for each group, all to be packed.
template <int kGroups>
struct Coded {
    float scaleOfScales = 0, scaleOfMinima = 0; // as read back from binary16
    std::array<int, kGroups> scale{}, minimum{};
    std::array<int, 256> code{};
};

// w = D·s·q − M·m, q in 0..mostCode, s and m in 0..mostScale: q2_K, q4_K, q5_K.
template <int kGroups>
Coded<kGroups> codedFromMinima(const float* w, int mostCode, int mostScale) {
    constexpr int kWeights = 256 / kGroups;
    std::array<float, kGroups> step{}, floor{};
    for (int g = 0; g < kGroups; ++g) {
        const auto [least, most] = std::minmax_element(w + g * kWeights, w + (g + 1) * kWeights);
        floor[g] = std::max(0.f, -*least); // minima are subtracted and have no sign
        step[g] = std::max(0.f, *most + floor[g]) / static_cast<float>(mostCode);
    }
    const auto most = static_cast<float>(mostScale);
    Coded<kGroups> coded;
    coded.scaleOfScales = fromHalf(toHalf(*std::max_element(step.begin(), step.end()) / most));
    coded.scaleOfMinima = fromHalf(toHalf(*std::max_element(floor.begin(), floor.end()) / most));
    for (int g = 0; g < kGroups; ++g) {
        coded.scale[g] = clamped(step[g] * inverse(coded.scaleOfScales), 0, mostScale);
        coded.minimum[g] = clamped(floor[g] * inverse(coded.scaleOfMinima), 0, mostScale);
        const float by = inverse(coded.scaleOfScales * static_cast<float>(coded.scale[g]));
        const float shift = coded.scaleOfMinima * static_cast<float>(coded.minimum[g]);
        for (int i = g * kWeights; i < (g + 1) * kWeights; ++i)
            coded.code[i] = clamped((w[i] + shift) * by, 0, mostCode);
    }
    return coded;
}

// w = D·s(q − middle), s in −mostScale−1..mostScale: q3_K, q6_K.
Coded<16> codedAroundZero(const float* w, int middle, int mostScale) {
    std::array<float, 16> step{};
    for (int g = 0; g < 16; ++g)
        step[g] = extreme(w + g * 16, 16) / static_cast<float>(-middle);
    Coded<16> coded;
    coded.scaleOfScales = fromHalf(toHalf(extreme(step.data(), 16) / static_cast<float>(-mostScale - 1)));
    for (int g = 0; g < 16; ++g) {
        coded.scale[g] = clamped(step[g] * inverse(coded.scaleOfScales), -mostScale - 1, mostScale);
        const float by = inverse(coded.scaleOfScales * static_cast<float>(coded.scale[g]));
        for (int i = g * 16; i < (g + 1) * 16; ++i)
            coded.code[i] = clamped(w[i] * by, -middle, middle - 1) + middle;
    }
    return coded;
}

void put(std::uint8_t& byte, int bits, int shift) {
    byte = static_cast<std::uint8_t>(byte | bits << shift);
}

void encodeQ2_K(const float* w, Bytes block) {
    const Coded<16> coded = codedFromMinima<16>(w, 3, 15);
    for (int g = 0; g < 16; ++g)
        block[g] = static_cast<std::uint8_t>(coded.scale[g] | coded.minimum[g] << 4);
    for (int i = 0; i < 256; ++i)
        put(block[16 + i / 128 * 32 + i % 32], coded.code[i], i % 128 / 32 * 2);
    putHalf(block + 80, coded.scaleOfScales);
    putHalf(block + 82, coded.scaleOfMinima);
}

void encodeQ3_K(const float* w, Bytes block) {
    const Coded<16> coded = codedAroundZero(w, 4, 31);
    for (int i = 0; i < 256; ++i) {
        put(block[i % 32], coded.code[i] >> 2, i / 32);
        put(block[32 + i / 128 * 32 + i % 32], coded.code[i] & 3, i % 128 / 32 * 2);
    }
    for (int g = 0; g < 16; ++g) {
        const int scale = coded.scale[g] + 32;
        put(block[96 + g % 8], scale & 15, g / 8 * 4);
        put(block[104 + g % 4], scale >> 4, g / 4 * 2);
    }
    putHalf(block + 108, coded.scaleOfScales);
}

// The head of q4_K and q5_K: two super-scales and the packed scales and minima.
void putScales(Bytes block, const Coded<8>& coded) {
    putHalf(block, coded.scaleOfScales);
    putHalf(block + 2, coded.scaleOfMinima);
    const Bytes packed = block + 4;
    for (int g = 0; g < 8; ++g) {
        const int scale = coded.scale[g], minimum = coded.minimum[g];
        if (g < 4) {
            put(packed[g], scale, 0);
            put(packed[g + 4], minimum, 0);
        } else {
            packed[g + 4] = static_cast<std::uint8_t>((scale & 15) | (minimum & 15) << 4);
            put(packed[g - 4], scale >> 4, 6);
            put(packed[g], minimum >> 4, 6);
        }
    }
}

void encodeQ4_K(const float* w, Bytes block) {
    const Coded<8> coded = codedFromMinima<8>(w, 15, 63);
    putScales(block, coded);
    for (int i = 0; i < 256; ++i)
        put(block[16 + i / 64 * 32 + i % 32], coded.code[i], i % 64 / 32 * 4);
}

void encodeQ5_K(const float* w, Bytes block) {
    const Coded<8> coded = codedFromMinima<8>(w, 31, 63);
    putScales(block, coded);
    for (int i = 0; i < 256; ++i) {
        put(block[16 + i % 32], coded.code[i] >> 4, i / 32);
        put(block[48 + i / 64 * 32 + i % 32], coded.code[i] & 15, i % 64 / 32 * 4);
    }
}

void encodeQ6_K(const float* w, Bytes block) {
    const Coded<16> coded = codedAroundZero(w, 32, 127);
    for (int i = 0; i < 256; ++i) {
        put(block[i / 128 * 64 + i % 64], coded.code[i] & 15, i % 128 / 64 * 4);
        put(block[128 + i / 128 * 32 + i % 32], coded.code[i] >> 4, i % 128 / 32 * 2);
    }
    for (int g = 0; g < 16; ++g)
        block[192 + g] = static_cast<std::uint8_t>(coded.scale[g]);
    putHalf(block + 208, coded.scaleOfScales);
}

} // namespace

void encodeBlocks(BlockType type, const float* values, void* blocks, std::int64_t n) {
    using Encode = void (*)(const float*, Bytes);
    constexpr Encode kEncode[] = {
        nullptr,    encodeSymmetric<4>, encodeFromMinimum<4>, encodeSymmetric<5>, encodeFromMinimum<5>,
        encodeQ8_0, encodeQ2_K,         encodeQ3_K,           encodeQ4_K,         encodeQ5_K,
        encodeQ6_K};
    const Encode encode = kEncode[static_cast<std::size_t>(type)];
    const int weights = blockShape(type).elements;
    const auto bytes = static_cast<std::size_t>(blockShape(type).bytes);
    auto* to = static_cast<Bytes>(blocks);
    for (std::int64_t at = 0; at < n; at += weights, to += bytes) {
        std::memset(to, 0, bytes);
        encode(values + at, to);
    }
}

} // namespace fovea
