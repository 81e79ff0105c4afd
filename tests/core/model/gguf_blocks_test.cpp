// Blocks written byte by byte from the format, and what they must decode to. Halves: 0x3c00 = 1, 0x3800 =
// 0.5, 0x4000 = 2, 0xb400 = −0.25.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "core/model/gguf_blocks.h"
#include "core/model/half_float.h"

using namespace fovea;

namespace {

using Block = std::vector<std::uint8_t>;

std::vector<float> decoded(BlockType type, const Block& blocks) {
    REQUIRE(blocks.size() % static_cast<std::size_t>(blockShape(type).bytes) == 0);
    std::vector<float> values(blocks.size() / static_cast<std::size_t>(blockShape(type).bytes) *
                              static_cast<std::size_t>(blockShape(type).elements));
    decodeBlocks(type, blocks.data(), values.data(), std::ssize(values));
    return values;
}

Block encoded(BlockType type, const std::vector<float>& values) {
    Block blocks(static_cast<std::size_t>(blockRowBytes(type, std::ssize(values))));
    encodeBlocks(type, values.data(), blocks.data(), std::ssize(values));
    return blocks;
}

Block zeros(BlockType type) {
    return Block(static_cast<std::size_t>(blockShape(type).bytes));
}

void putHalf(Block& block, std::size_t at, std::uint16_t half) {
    block[at] = static_cast<std::uint8_t>(half);
    block[at + 1] = static_cast<std::uint8_t>(half >> 8);
}

} // namespace

TEST_CASE("Blocks are as large as the format says", "[core.gguf]") {
    // Bytes, and so bits per weight, of the formats sheet.
    const std::pair<BlockType, std::pair<int, double>> expected[] = {
        {BlockType::Q4_0, {18, 4.5}},     {BlockType::Q4_1, {20, 5}},    {BlockType::Q5_0, {22, 5.5}},
        {BlockType::Q5_1, {24, 6}},       {BlockType::Q8_0, {34, 8.5}},  {BlockType::Q2_K, {84, 2.625}},
        {BlockType::Q3_K, {110, 3.4375}}, {BlockType::Q4_K, {144, 4.5}}, {BlockType::Q5_K, {176, 5.5}},
        {BlockType::Q6_K, {210, 6.5625}}};
    for (const auto& [type, size] : expected) {
        INFO(blockShape(type).name);
        CHECK(blockShape(type).bytes == size.first);
        CHECK(8. * blockShape(type).bytes / blockShape(type).elements == size.second);
        CHECK(blockRowBytes(type, 512) == 512 / blockShape(type).elements * size.first);
    }
}

TEST_CASE("q4_0 by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q4_0);
    putHalf(block, 0, 0x3800); // d = .5
    block[2] = 0x9f;           // byte 0: q_0 = 15, q_16 = 9
    block[2 + 15] = 0x08;      // byte 15: q_15 = 8, q_31 = 0
    const auto w = decoded(BlockType::Q4_0, block);
    CHECK(w[0] == 3.5f);  // .5·(15 − 8)
    CHECK(w[16] == .5f);  // .5·(9 − 8)
    CHECK(w[15] == 0.f);  // .5·(8 − 8)
    CHECK(w[31] == -4.f); // .5·(0 − 8)
    CHECK(w[1] == -4.f);
}

TEST_CASE("q4_1 by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q4_1);
    putHalf(block, 0, 0x3800); // d = .5
    putHalf(block, 2, 0xb400); // m = −.25
    block[4 + 3] = 0x7c;       // q_3 = 12, q_19 = 7
    const auto w = decoded(BlockType::Q4_1, block);
    CHECK(w[3] == 5.75f);  // .5·12 − .25
    CHECK(w[19] == 3.25f); // .5·7 − .25
    CHECK(w[0] == -.25f);
}

TEST_CASE("q5_0 by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q5_0);
    putHalf(block, 0, 0x4000);            // d = 2
    block[2] = 0x01, block[2 + 2] = 0x01; // fifth bits of weights 0 and 16
    block[2 + 3] = 0x80;                  // and of 31
    block[6] = 0x3f;                      // low bits: q_0 = 15, q_16 = 3
    block[6 + 15] = 0xf1;                 // q_15 = 1, q_31 = 15
    const auto w = decoded(BlockType::Q5_0, block);
    CHECK(w[0] == 30.f);   // 2·(16 + 15 − 16)
    CHECK(w[16] == 6.f);   // 2·(16 + 3 − 16)
    CHECK(w[15] == -30.f); // 2·(1 − 16)
    CHECK(w[31] == 30.f);  // 2·(16 + 15 − 16)
    CHECK(w[8] == -32.f);
}

TEST_CASE("q5_1 by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q5_1);
    putHalf(block, 0, 0x4000); // d = 2
    putHalf(block, 2, 0x3c00); // m = 1
    block[4 + 1] = 0x02;       // fifth bit of weight 9
    block[8 + 9] = 0x42;       // q_9 = 2 + 16, q_25 = 4
    const auto w = decoded(BlockType::Q5_1, block);
    CHECK(w[9] == 37.f); // 2·18 + 1
    CHECK(w[25] == 9.f); // 2·4 + 1
    CHECK(w[0] == 1.f);
}

TEST_CASE("q8_0 by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q8_0);
    putHalf(block, 0, 0xb400); // d = −.25
    block[2] = 127, block[3] = 0x80, block[2 + 31] = 0xff;
    const auto w = decoded(BlockType::Q8_0, block);
    CHECK(w[0] == -31.75f); // −.25·127
    CHECK(w[1] == 32.f);    // −.25·−128
    CHECK(w[31] == .25f);   // −.25·−1
    CHECK(w[2] == 0.f);
}

TEST_CASE("q2_K by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q2_K);
    putHalf(block, 80, 0x3800); // D = .5
    putHalf(block, 82, 0x4000); // M = 2
    block[0] = 0x3a;            // group 0: s = 10, m = 3
    block[7] = 0x0f;            // group 7 (weights 112 to 127): s = 15, m = 0
    block[9] = 0x12;            // group 9 (weights 144 to 159): s = 2, m = 1
    block[16] = 0x02;           // weights 0, 32, 64, 96: codes 2, 0, 0, 0
    block[16 + 16] = 0xc0;      // weights 16, 48, 80, 112: codes 0, 0, 0, 3
    block[16 + 32 + 20] = 0x01; // weights 148, 180, 212, 244: codes 1, 0, 0, 0
    const auto w = decoded(BlockType::Q2_K, block);
    CHECK(w[0] == 4.f);     // .5·10·2 − 2·3
    CHECK(w[1] == -6.f);    // −2·3
    CHECK(w[112] == 22.5f); // .5·15·3
    CHECK(w[148] == -1.f);  // .5·2·1 − 2·1
    CHECK(w[144] == -2.f);
    CHECK(w[255] == 0.f);
}

TEST_CASE("q3_K by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q3_K);
    putHalf(block, 108, 0x3800); // D = .5
    // Scales are stored plus 32. Group 0: 32 + 5 = 37 = 0b10'0101; group 8: 32 − 30 = 2 = 0b00'0010;
    // group 15: 32 + 31 = 63 = 0b11'1111; the others 0, which is −32.
    block[96 + 0] = 0x25;       // group 0's low bits 5, group 8's 2
    block[96 + 7] = 0xf0;       // group 15's 15
    block[96 + 8 + 0] = 0x02;   // high bits of groups 0, 4, 8, 12: 2, 0, 0, 0
    block[96 + 8 + 3] = 0xc0;   // of groups 3, 7, 11, 15: 0, 0, 0, 3
    block[0] = 0x11;            // third bits of weights 0 and 128
    block[32] = 0x03;           // weights 0, 32, 64, 96: 3, 0, 0, 0
    block[32 + 32 + 31] = 0x40; // weights 159, 191, 223, 255: 0, 0, 0, 1
    const auto w = decoded(BlockType::Q3_K, block);
    CHECK(w[0] == 7.5f);     // .5·5·(4 + 3 − 4)
    CHECK(w[1] == -10.f);    // .5·5·(0 − 4)
    CHECK(w[16] == 64.f);    // .5·−32·−4
    CHECK(w[128] == 0.f);    // .5·−30·(4 − 4)
    CHECK(w[129] == 60.f);   // .5·−30·−4
    CHECK(w[255] == -46.5f); // .5·31·(1 − 4)
}

TEST_CASE("q4_K by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q4_K);
    putHalf(block, 0, 0x3800); // D = .5
    putHalf(block, 2, 0x3c00); // M = 1
    // Group 1: s = 45, m = 10 in six bits each. Group 5: s = 0b10'0011 = 35, m = 0b01'1100 = 28: four bits of
    // each in byte 9, the two others above those of group 1.
    block[4 + 1] = 45 | 2 << 6;
    block[4 + 5] = 10 | 1 << 6;
    block[4 + 9] = 0x3 | 0xc << 4;
    block[16] = 0x70;          // weights 0 and 32: codes 0 and 7
    block[16 + 64 + 3] = 0xb0; // weights 131 and 163: codes 0 and 11
    const auto w = decoded(BlockType::Q4_K, block);
    CHECK(w[0] == 0.f);
    CHECK(w[32] == 147.5f); // .5·45·7 − 10
    CHECK(w[33] == -10.f);
    CHECK(w[163] == 164.5f); // .5·35·11 − 28
    CHECK(w[131] == 0.f);
}

TEST_CASE("q5_K by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q5_K);
    putHalf(block, 0, 0x3c00);  // D = 1
    putHalf(block, 2, 0x3800);  // M = .5
    block[4 + 0] = 1;           // group 0: s = 1
    block[4 + 11] = 0x2f;       // group 7: s = 15, m = 2
    block[16 + 0] = 0x01;       // fifth bit of weight 0
    block[16 + 31] = 0x80;      // and of weight 7·32 + 31
    block[48] = 0x05;           // weight 0: 5
    block[48 + 96 + 31] = 0xf0; // weight 255: 15
    const auto w = decoded(BlockType::Q5_K, block);
    CHECK(w[0] == 21.f);    // 1·1·(16 + 5)
    CHECK(w[255] == 464.f); // 1·15·(16 + 15) − .5·2
    CHECK(w[254] == -1.f);
}

TEST_CASE("q6_K by hand", "[core.gguf]") {
    Block block = zeros(BlockType::Q6_K);
    putHalf(block, 208, 0x3800); // D = .5
    block[192 + 0] = 2, block[192 + 4] = 0xff, block[192 + 14] = 0x80;
    block[0] = 0xa3;            // low bits of weights 0 and 64: 3 and 10
    block[128 + 0] = 0x21;      // high bits of weights 0, 32, 64, 96: 1, 0, 2, 0
    block[64 + 32 + 5] = 0xf0;  // low bits of weights 128 + 32 + 5 and 128 + 96 + 5: 0 and 15
    block[128 + 32 + 5] = 0xc0; // high bits of weights 133, 165, 197, 229: 0, 0, 0, 3
    const auto w = decoded(BlockType::Q6_K, block);
    CHECK(w[0] == -13.f);     // .5·2·(16 + 3 − 32)
    CHECK(w[1] == -32.f);     // .5·2·−32
    CHECK(w[64] == -5.f);     // .5·−1·(32 + 10 − 32)
    CHECK(w[229] == -1984.f); // .5·−128·(48 + 15 − 32)
}

TEST_CASE("Round trips lose what the formats' figures say", "[core.gguf]") {
    // √Σδ²/n on .1 + 2·cos(i), n = 4096. Published for the first two and q8_0; of the K types, whose encoder
    // is our own, what a step of half the largest scale allows.
    constexpr int n = 4096;
    std::vector<float> x(n);
    for (int i = 0; i < n; ++i)
        x[static_cast<std::size_t>(i)] = .1f + 2 * std::cos(static_cast<float>(i));
    const auto error = [&](BlockType type) {
        const auto y = decoded(type, encoded(type, x));
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i)
            sum += std::pow(static_cast<double>(x[i]) - y[i], 2);
        return std::sqrt(sum) / n;
    };
    CHECK(error(BlockType::Q4_0) == Approx(.0011213).margin(5e-8));
    CHECK(error(BlockType::Q4_1) == Approx(.0011436).margin(5e-8));
    CHECK(error(BlockType::Q8_0) == Approx(7.443e-5).margin(5e-9));
    // A uniform code of step h loses h/√12 per weight, so h/√12/√n here; the range is about 4.
    const auto uniform = [&](int codes) { return 4. / (codes - 1) / std::sqrt(12. * n); };
    CHECK(error(BlockType::Q5_0) < 1.1 * uniform(31));
    CHECK(error(BlockType::Q5_1) < 1.1 * uniform(32));
    CHECK(error(BlockType::Q2_K) < 1.1 * uniform(4));
    CHECK(error(BlockType::Q3_K) < 1.1 * uniform(8));
    CHECK(error(BlockType::Q4_K) < 1.1 * uniform(16));
    CHECK(error(BlockType::Q5_K) < 1.1 * uniform(32));
    CHECK(error(BlockType::Q6_K) < 1.1 * uniform(64));
}

TEST_CASE("What a block can hold exactly comes back exactly", "[core.gguf]") {
    // Codes times a power of two, with the extremes that make the encoder choose just that scale.
    for (const BlockType type : kBlockTypes) {
        INFO(blockShape(type).name);
        const auto n = static_cast<std::size_t>(blockShape(type).elements);
        std::vector<float> x(n);
        const auto fill = [&](int least, int most, std::size_t group) {
            for (std::size_t i = 0; i < n; ++i)
                x[i] = .25f * static_cast<float>(least + static_cast<int>(i % group * 7 + i / group) %
                                                             (most - least + 1));
            for (std::size_t i = 0; i < n; i += group)
                x[i] = .25f * static_cast<float>(least), x[i + 1] = .25f * static_cast<float>(most);
        };
        switch (type) {
        case BlockType::Q4_0:
            fill(-8, 7, 32);
            break;
        case BlockType::Q4_1:
            fill(-3, 12, 32);
            break;
        case BlockType::Q5_0:
            fill(-16, 15, 32);
            break;
        case BlockType::Q5_1:
            fill(-9, 22, 32);
            break;
        case BlockType::Q8_0:
            fill(-127, 127, 32);
            break;
        // Super-scales come out as .25/15·15 and so on only nearly: the groups' scales are equal, so codes
        // are exact and values are within what rounding the two halves to 11 bits moves.
        case BlockType::Q2_K:
            fill(0, 3, 16);
            break;
        case BlockType::Q3_K:
            fill(-4, 3, 16);
            break;
        case BlockType::Q4_K:
            fill(0, 15, 32);
            break;
        case BlockType::Q5_K:
            fill(0, 31, 32);
            break;
        case BlockType::Q6_K:
            fill(-32, 31, 16);
            break;
        case BlockType::None:
            break;
        }
        const auto y = decoded(type, encoded(type, x));
        const float tolerance = blockShape(type).elements == 32 ? 0.f : 0x1p-11f;
        for (std::size_t i = 0; i < n; ++i) {
            INFO(i);
            CHECK(std::abs(y[i] - x[i]) <= tolerance * std::abs(x[i]));
        }
    }
}

TEST_CASE("A block of zeros stays one, and a block decodes at any address", "[core.gguf]") {
    for (const BlockType type : kBlockTypes) {
        INFO(blockShape(type).name);
        const auto n = static_cast<std::size_t>(blockShape(type).elements);
        for (const float w : decoded(type, encoded(type, std::vector<float>(n, 0.f))))
            CHECK(w == 0.f);
        std::vector<float> x(n);
        for (std::size_t i = 0; i < n; ++i)
            x[i] = std::sin(static_cast<float>(i));
        const Block block = encoded(type, x);
        Block shifted(1, 0xff);
        shifted.insert(shifted.end(), block.begin(), block.end());
        std::vector<float> y(n);
        decodeBlocks(type, shifted.data() + 1, y.data(), std::ssize(y));
        CHECK(y == decoded(type, block));
    }
}

TEST_CASE("Halves are exact one way and round to even the other", "[core.gguf]") {
    CHECK(fromHalf(0x3c00) == 1.f);
    CHECK(fromHalf(0xc000) == -2.f);
    CHECK(fromHalf(0x7bff) == 65504.f);
    CHECK(fromHalf(0x0001) == 0x1p-24f); // the smallest subnormal
    CHECK(fromHalf(0x03ff) == 1023 * 0x1p-24f);
    CHECK(std::isinf(fromHalf(0x7c00)));
    CHECK(std::isnan(fromHalf(0x7e01)));
    CHECK(std::signbit(fromHalf(0x8000)));
    CHECK(toHalf(1 + 0x1p-11f) == 0x3c00);     // half a step above 1: to the even below
    CHECK(toHalf(1 + 3 * 0x1p-11f) == 0x3c02); // to the even above
    CHECK(toHalf(0x1p-25f) == 0x0000);         // half the smallest subnormal
    CHECK(toHalf(3 * 0x1p-25f) == 0x0002);
    CHECK(toHalf(65519.f) == 0x7bff);
    CHECK(toHalf(65520.f) == 0x7c00);
    CHECK(toHalf(-std::numeric_limits<float>::infinity()) == 0xfc00);
    for (int half = 0; half < 0x7c00; ++half)
        REQUIRE(toHalf(fromHalf(static_cast<std::uint16_t>(half))) == half);
}
