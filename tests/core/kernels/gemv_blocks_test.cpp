// Products with GGUF blocks as they are, against decoding them first.

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "core/kernels/cpu/kernels.h"
#include "core/model/gguf_blocks.h"
#include "core/model/half_float.h"
#include "tests/core/kernels/kv_blocks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<std::uint8_t> encoded(BlockType type, const std::vector<float>& values) {
    std::vector<std::uint8_t> blocks(static_cast<std::size_t>(blockRowBytes(type, std::ssize(values))));
    encodeBlocks(type, values.data(), blocks.data(), std::ssize(values));
    return blocks;
}

// Any bytes at all, but for scales that are infinite or NaN: every byte of every type has a meaning.
std::vector<std::uint8_t> anyBlocks(BlockType type, std::int64_t weights) {
    std::mt19937 random(static_cast<unsigned>(weights));
    std::vector<std::uint8_t> blocks(static_cast<std::size_t>(blockRowBytes(type, weights)));
    for (std::uint8_t& byte : blocks)
        byte = static_cast<std::uint8_t>(random());
    const int size = blockShape(type).bytes;
    const bool minima = type == BlockType::Q4_1 || type == BlockType::Q5_1 || type == BlockType::Q2_K ||
                        type == BlockType::Q4_K || type == BlockType::Q5_K;
    const int first = type == BlockType::Q2_K ? 80 : type == BlockType::Q3_K || type == BlockType::Q6_K ? size - 2 : 0;
    for (std::size_t block = 0; block < blocks.size(); block += static_cast<std::size_t>(size))
        for (int at = first; at < first + (minima ? 4 : 2); at += 2)
            blocks[block + static_cast<std::size_t>(at) + 1] &= 0xbf;  // an exponent below 2
    return blocks;
}

// |y − W·x| beyond what fp32 sums may lose, where minima are subtracted from sums of their own size.
double excess(BlockType type, const std::vector<std::uint8_t>& blocks, const std::vector<float>& x,
              const std::vector<float>& y) {
    const std::size_t in = x.size();
    std::vector<float> w(in);
    double worst = -1;
    for (std::size_t row = 0; row < y.size(); ++row) {
        decodeBlocks(type, blocks.data() + row * static_cast<std::size_t>(blockRowBytes(type, std::ssize(x))), w.data(),
                     std::ssize(w));
        double sum = 0, size = 0, largest = 0;
        for (std::size_t i = 0; i < in; ++i) {
            sum += double{w[i]} * x[i];
            largest = std::max(largest, std::fabs(double{w[i]}));
        }
        for (const float v : x)
            size += 2 * largest * std::fabs(v);
        const double error = std::fabs(y[row] - sum) - size * (8 + static_cast<double>(in) / 32) * 6e-8;
        worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
    }
    return worst;
}

}  // namespace

TEST_CASE("gemv with blocks is the product with what they decode to", "[core.kernels]") {
    const auto type = GENERATE(from_range(std::begin(kBlockTypes), std::end(kBlockTypes)));
    const auto out = GENERATE(1, 3, 17, 130, 1001);
    const auto blocks = GENERATE(1, 2, 3, 7);
    const int in = blocks * blockShape(type).elements;
    INFO(blockShape(type).name << " " << out << "x" << in);
    const std::vector<float> x = normals(static_cast<std::size_t>(in), 2);
    const auto w = encoded(type, normals(static_cast<std::size_t>(out * in), 1));
    std::vector<float> y(static_cast<std::size_t>(out), kNaN);
    cpu::gemv(type, w.data(), x.data(), y.data(), out, in);
    CHECK(excess(type, w, x, y) <= 0);
    const auto random = anyBlocks(type, std::int64_t{out} * in);
    cpu::gemv(type, random.data(), x.data(), y.data(), out, in);
    CHECK(excess(type, random, x, y) <= 0);
}

TEST_CASE("gemv with blocks of several vectors is that of each", "[core.kernels]") {
    const auto type = GENERATE(from_range(std::begin(kBlockTypes), std::end(kBlockTypes)));
    const int out = 130, in = 3 * blockShape(type).elements, vectors = 3;
    const auto w = encoded(type, normals(static_cast<std::size_t>(out * in), 1));
    const std::vector<float> x = normals(static_cast<std::size_t>(vectors * in), 2);
    std::vector<float> together(static_cast<std::size_t>(vectors * out), kNaN), alone(together);
    cpu::gemv(type, w.data(), x.data(), together.data(), out, in, vectors);
    for (int v = 0; v < vectors; ++v)
        cpu::gemv(type, w.data(), x.data() + v * in, alone.data() + v * out, out, in);
    CHECK(together == alone);
}

TEST_CASE("gemv with blocks takes each weight of a block to its own place", "[core.kernels]") {
    const auto type = GENERATE(from_range(std::begin(kBlockTypes), std::end(kBlockTypes)));
    INFO(blockShape(type).name);
    const auto n = static_cast<std::size_t>(2 * blockShape(type).elements);
    const auto blocks = anyBlocks(type, static_cast<std::int64_t>(n));
    std::vector<float> w(n), x(n), y(1);
    decodeBlocks(type, blocks.data(), w.data(), std::ssize(w));
    double largest = 0;
    for (const float v : w)
        largest = std::max(largest, std::fabs(double{v}));
    for (std::size_t i = 0; i < n; ++i) {
        INFO(i);
        x[i] = 1;
        cpu::gemv(type, blocks.data(), x.data(), y.data(), 1, std::ssize(x));
        CHECK(std::fabs(y[0] - w[i]) <= 4e-7 * largest);
        x[i] = 0;
    }
}

TEST_CASE("gemv with blocks reads and writes nothing beyond its rows", "[core.kernels]") {
    const auto type = GENERATE(from_range(std::begin(kBlockTypes), std::end(kBlockTypes)));
    INFO(blockShape(type).name);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const auto in = static_cast<std::size_t>(3 * blockShape(type).elements);
    const std::size_t out = 5;
    std::vector<float> x = normals(in, 2);
    auto w = encoded(type, normals(out * in, 1));
    std::vector<float> clean(out);
    cpu::gemv(type, w.data(), x.data(), clean.data(), std::ssize(clean), static_cast<std::int64_t>(in));
    // An infinite scale right behind the last block, infinity right behind x, a mark right behind y.
    for (int i = 0; i < 256; ++i)
        w.push_back(i % 2 ? 0x7c : 0x00);
    x.insert(x.end(), 64, kInfinity);
    std::vector<float> y(out + 1, -7);
    cpu::gemv(type, w.data(), x.data(), y.data(), std::ssize(clean), static_cast<std::int64_t>(in));
    CHECK(y.back() == -7);
    y.pop_back();
    CHECK(y == clean);
}

TEST_CASE("gemv with blocks passes on what is infinite in x", "[core.kernels]") {
    const auto type = GENERATE(from_range(std::begin(kBlockTypes), std::end(kBlockTypes)));
    INFO(blockShape(type).name);
    const auto in = static_cast<std::size_t>(2 * blockShape(type).elements);
    std::vector<float> x = normals(in, 2);
    const auto w = encoded(type, normals(in, 1));
    x[in / 2 + 1] = std::numeric_limits<float>::infinity();
    float y = 0;
    cpu::gemv(type, w.data(), x.data(), &y, 1, static_cast<std::int64_t>(in));
    CHECK_FALSE(std::isfinite(y));
}

TEST_CASE("widen decodes a row of blocks", "[core.kernels]") {
    const auto type = GENERATE(from_range(std::begin(kBlockTypes), std::end(kBlockTypes)));
    INFO(blockShape(type).name);
    const auto n = static_cast<std::size_t>(3 * blockShape(type).elements);
    const auto blocks = anyBlocks(type, static_cast<std::int64_t>(n));
    std::vector<float> values(n + 1, -7), expected(n);
    cpu::widen(type, blocks.data(), values.data(), static_cast<std::int64_t>(n));
    CHECK(values.back() == -7);
    values.pop_back();
    decodeBlocks(type, blocks.data(), expected.data(), static_cast<std::int64_t>(n));
    // Bit for bit, but for a compiler that fuses the last product and sum.
    double largest = 0, error = 0;
    for (std::size_t i = 0; i < n; ++i) {
        largest = std::max(largest, std::fabs(double{expected[i]}));
        error = std::max(error, std::fabs(double{values[i]} - expected[i]));
    }
    CHECK(error <= 2.4e-7 * largest);
}
