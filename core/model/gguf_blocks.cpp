#include "core/model/gguf_blocks.h"

#include "core/model/half_float.h"
#include "core/model/k_scales.h"

namespace fovea {

namespace {

using Bytes = const std::uint8_t*;

float half(Bytes from) {
    return fromHalf(static_cast<std::uint16_t>(from[0] | from[1] << 8));
}

// Code i of a block of 32: four bits from `low`, the fifth from `high` where there is one.
int fourBits(Bytes low, int i) {
    return i < 16 ? low[i] & 15 : low[i - 16] >> 4;
}
int fiveBits(Bytes high, Bytes low, int i) {
    return fourBits(low, i) | (high[i / 8] >> i % 8 & 1) << 4;
}

void decodeQ4_0(Bytes block, float* w) {
    for (int i = 0; i < 32; ++i)
        w[i] = half(block) * static_cast<float>(fourBits(block + 2, i) - 8);
}

void decodeQ4_1(Bytes block, float* w) {
    for (int i = 0; i < 32; ++i)
        w[i] = half(block) * static_cast<float>(fourBits(block + 4, i)) + half(block + 2);
}

void decodeQ5_0(Bytes block, float* w) {
    for (int i = 0; i < 32; ++i)
        w[i] = half(block) * static_cast<float>(fiveBits(block + 2, block + 6, i) - 16);
}

void decodeQ5_1(Bytes block, float* w) {
    for (int i = 0; i < 32; ++i)
        w[i] = half(block) * static_cast<float>(fiveBits(block + 4, block + 8, i)) + half(block + 2);
}

void decodeQ8_0(Bytes block, float* w) {
    for (int i = 0; i < 32; ++i)
        w[i] = half(block) * static_cast<float>(static_cast<std::int8_t>(block[2 + i]));
}

// Two bits of a block of 256: each half block has 32 bytes, whose bit pairs are its four quarters.
int twoBits(Bytes codes, int i) {
    return codes[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
}

// Four bits of q4_K and q5_K: each 64 weights have 32 bytes, low halves first.
int nibble(Bytes codes, int i) {
    return codes[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15;
}

void decodeQ2_K(Bytes block, float* w) {
    const float D = half(block + 80), M = half(block + 82);
    for (int i = 0; i < 256; ++i) {
        const int scales = block[i / 16];
        w[i] = D * static_cast<float>(scales & 15) * static_cast<float>(twoBits(block + 16, i)) -
               M * static_cast<float>(scales >> 4);
    }
}

void decodeQ3_K(Bytes block, float* w) {
    const float D = half(block + 108);
    for (int i = 0; i < 256; ++i) {
        // Bit i/32 of byte i%32: 1 where the code is not below 4.
        const int third = block[i % 32] >> i / 32 & 1;
        const int code = twoBits(block + 32, i) + third * 4 - 4;
        w[i] = D * static_cast<float>(scaleQ3_K(block + 96, i / 16)) * static_cast<float>(code);
    }
}

void decodeQ4_K(Bytes block, float* w) {
    const float D = half(block), M = half(block + 2);
    for (int i = 0; i < 256; ++i) {
        const auto [scale, minimum] = scaleQ4_K(block + 4, i / 32);
        w[i] = D * static_cast<float>(scale) * static_cast<float>(nibble(block + 16, i)) -
               M * static_cast<float>(minimum);
    }
}

void decodeQ5_K(Bytes block, float* w) {
    const float D = half(block), M = half(block + 2);
    for (int i = 0; i < 256; ++i) {
        const auto [scale, minimum] = scaleQ4_K(block + 4, i / 32);
        const int fifth = block[16 + i % 32] >> i / 32 & 1;
        w[i] = D * static_cast<float>(scale) * static_cast<float>(nibble(block + 48, i) | fifth << 4) -
               M * static_cast<float>(minimum);
    }
}

void decodeQ6_K(Bytes block, float* w) {
    const float D = half(block + 208);
    for (int i = 0; i < 256; ++i) {
        // Each half block: 64 bytes of four bits, low halves before high ones, and 32 of two.
        const int inHalf = i % 128;
        const int low = block[i / 128 * 64 + inHalf % 64] >> inHalf / 64 * 4 & 15;
        const int high = twoBits(block + 128, i);
        const auto scale = static_cast<std::int8_t>(block[192 + i / 16]);
        w[i] = D * static_cast<float>(scale) * static_cast<float>((low | high << 4) - 32);
    }
}

} // namespace

void decodeBlocks(BlockType type, const void* blocks, float* values, std::int64_t n) {
    using Decode = void (*)(Bytes, float*);
    constexpr Decode kDecode[] = {nullptr,    decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0,
                                  decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K};
    const Decode decode = kDecode[static_cast<std::size_t>(type)];
    const int weights = blockShape(type).elements, bytes = blockShape(type).bytes;
    const auto* from = static_cast<Bytes>(blocks);
    for (std::int64_t at = 0; at < n; at += weights, from += bytes)
        decode(from, values + at);
}

} // namespace fovea
