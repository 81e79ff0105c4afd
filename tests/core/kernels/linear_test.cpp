// Matrix-vector product and the elementwise kernels against scalar loops, at sizes that fit no vector.

#include <catch2/catch.hpp>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "core/kernels/cpu/kernels.h"
#include "tests/core/kernels/kv_blocks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// `values` in memory as `type`, made without the kernels; exactly as long as it must be.
std::vector<unsigned char> stored(ElementType type, const std::vector<float>& values) {
    std::vector<unsigned char> bytes(values.size() * static_cast<std::size_t>(elementBytes(type)));
    for (std::size_t i = 0; i < values.size(); ++i) {
        const c10::Half half(values[i]);
        const c10::BFloat16 brain(values[i]);
        switch (type) {
        case ElementType::F32: std::memcpy(bytes.data() + 4 * i, &values[i], 4); break;
        case ElementType::F16: std::memcpy(bytes.data() + 2 * i, &half, 2); break;
        case ElementType::BF16: std::memcpy(bytes.data() + 2 * i, &brain, 2); break;
        }
    }
    return bytes;
}

std::vector<float> roundedAll(ElementType type, std::vector<float> values) {
    for (float& x : values)
        x = rounded(type, x);
    return values;
}

}  // namespace

TEST_CASE("gemv is the matrix-vector product for every type and odd size", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const auto out = GENERATE(1, 3, 4, 17, 130, 1001);
    const auto in = GENERATE(1, 7, 16, 33, 64, 288, 769);
    INFO(elementName(type) << " " << out << "x" << in);
    const auto n = static_cast<std::size_t>(out), m = static_cast<std::size_t>(in);
    const std::vector<float> w = roundedAll(type, normals(n * m, 1)), x = normals(m, 2);
    const std::vector<unsigned char> bytes = stored(type, w);
    std::vector<float> y(n, kNaN);
    cpu::gemv(type, bytes.data(), x.data(), y.data(), out, in);
    double excess = -1;
    for (std::size_t i = 0; i < n; ++i) {
        double sum = 0, size = 0;
        for (std::size_t j = 0; j < m; ++j) {
            sum += double{w[i * m + j]} * x[j];
            size += std::fabs(double{w[i * m + j]} * x[j]);
        }
        const double error = std::fabs(y[i] - sum) - size * (4 + in / 32.0) * 1.2e-7;
        excess = std::isnan(error) ? kInfinity : std::max(excess, error);
    }
    CHECK(excess <= 0);
}

TEST_CASE("gemv of several vectors is that of each", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const auto vectors = GENERATE(2, 3, 4, 5, 7, 11);
    const auto out = GENERATE(1, 3, 18, 1001);
    const auto in = GENERATE(1, 33, 288);
    INFO(elementName(type) << " " << vectors << " of " << out << "x" << in);
    const auto n = static_cast<std::size_t>(out), m = static_cast<std::size_t>(in), v = static_cast<std::size_t>(vectors);
    const std::vector<unsigned char> w = stored(type, normals(n * m, 1));
    const std::vector<float> x = normals(v * m, 2);
    std::vector<float> together(v * n, kNaN), alone(v * n, kNaN);
    cpu::gemv(type, w.data(), x.data(), together.data(), out, in, vectors);
    for (std::size_t i = 0; i < v; ++i)
        cpu::gemv(type, w.data(), x.data() + i * m, alone.data() + i * n, out, in);
    CHECK(together == alone); // to the last bit: what is decoded beside a text does not change it
}

TEST_CASE("An RMS norm divides by the root of the mean square and multiplies by the gain", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const auto n = GENERATE(1, 5, 16, 37, 288, 4096);
    const auto size = static_cast<std::size_t>(n);
    const std::vector<float> gain = roundedAll(type, normals(size, 3)), x = normals(size, 4);
    std::vector<float> y(size, kNaN);
    cpu::norm({.epsilon = 1e-5f}, type, stored(type, gain).data(), x.data(), y.data(), n);
    double squares = 0;
    for (const float v : x)
        squares += double{v} * v;
    const double rms = std::sqrt(squares / n + double{1e-5f});
    for (std::size_t i = 0; i < size; ++i)
        REQUIRE(y[i] == Approx(x[i] / rms * gain[i]).epsilon(3e-6).margin(1e-9));
}

TEST_CASE("A norm may work in place", "[core.kernels]") {
    const std::vector<float> gain = normals(37, 5);
    std::vector<float> x = normals(37, 6), y(37, kNaN);
    cpu::norm({.epsilon = 1e-6f}, ElementType::F32, gain.data(), x.data(), y.data(), 37);
    cpu::norm({.epsilon = 1e-6f}, ElementType::F32, gain.data(), x.data(), x.data(), 37);
    CHECK(x == y);
}

TEST_CASE("A layer norm takes the mean off first, and a shift is added to every gain", "[core.kernels]") {
    const auto n = GENERATE(1, 5, 37, 288, 4096);
    const auto size = static_cast<std::size_t>(n);
    const float shift = GENERATE(0.f, 1.f);
    const std::vector<float> gain = normals(size, 3);
    std::vector<float> x = normals(size, 4), y(size, kNaN);
    for (float& v : x)
        v += 50; // a mean that a sum of squares alone would drown in
    cpu::norm({.norm = Norm::Layer, .epsilon = 1e-5f, .shift = shift}, ElementType::F32, gain.data(),
              x.data(), y.data(), n);
    double mean = 0, variance = 0;
    for (const float v : x)
        mean += double{v} / n;
    for (const float v : x)
        variance += (v - mean) * (v - mean) / n;
    const double scale = 1 / std::sqrt(variance + double{1e-5f});
    for (std::size_t i = 0; i < size; ++i)
        REQUIRE(y[i] == Approx((x[i] - mean) * scale * (double{gain[i]} + shift))
                            .epsilon(1e-5)
                            .margin(n == 1 ? 1e-2 : 3e-5));
}

TEST_CASE("Rows of any type are added", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const std::vector<float> addend = roundedAll(type, normals(53, 11)), before = normals(53, 12);
    std::vector<float> y = before;
    cpu::add(type, stored(type, addend).data(), y.data(), 53);
    for (std::size_t i = 0; i < y.size(); ++i)
        REQUIRE(y[i] == before[i] + addend[i]);
}

TEST_CASE("RoPE turns each pair of components by its own angle and leaves the rest of a head",
          "[core.kernels]") {
    const auto d = GENERATE(2, 8, 30, 128);
    const auto rotated = GENERATE_COPY(d, d / 4 * 2);
    const int n = 3;
    const auto pairs = static_cast<std::size_t>(rotated / 2);
    const std::vector<float> before = normals(static_cast<std::size_t>(n * d), 7), angles = normals(pairs, 8);
    std::vector<float> after = before, cosine(pairs), sine(pairs);
    for (std::size_t i = 0; i < pairs; ++i) {
        cosine[i] = std::cos(angles[i]);
        sine[i] = std::sin(angles[i]);
    }
    cpu::rope(after.data(), n, d, cosine, sine);
    for (std::size_t h = 0; h < n; ++h)
        for (std::size_t i = 0; i < static_cast<std::size_t>(d); ++i) {
            const std::size_t at = h * static_cast<std::size_t>(d) + i;
            const double x = before[at];
            if (i < pairs)
                REQUIRE(after[at] ==
                        Approx(x * cosine[i] - before[at + pairs] * double{sine[i]}).margin(2e-6));
            else if (i < 2 * pairs)
                REQUIRE(after[at] ==
                        Approx(before[at - pairs] * double{sine[i - pairs]} + x * cosine[i - pairs])
                            .margin(2e-6));
            else
                REQUIRE(after[at] == before[at]);
        }
}

namespace {

double exactly(Activation activation, double x) {
    switch (activation) {
    case Activation::Silu:
        return x / (1 + std::exp(-x));
    case Activation::Gelu:
        return x * 0.5 * std::erfc(-x / std::sqrt(2.0));
    case Activation::GeluTanh:
        return x / (1 + std::exp(-2 * std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case Activation::Relu:
        return x > 0 ? x : 0;
    }
    return 0;
}

} // namespace

TEST_CASE("Activations are what they are called, without overflow", "[core.kernels]") {
    const auto activation =
        GENERATE(Activation::Silu, Activation::Gelu, Activation::GeluTanh, Activation::Relu);
    std::vector<float> x = normals(450, 8);
    for (const float v : normals(100, 9))
        x.push_back(5 * v);
    x.insert(x.end(), {-1e30f, -500.f, -89.f, -0.f, 0.f, 89.f, 500.f, 1e30f});
    const std::vector<float> before = x, times(x.size(), 2.f);
    std::vector<float> gated = x;
    cpu::activate(activation, x.data(), nullptr, std::ssize(x));
    cpu::activate(activation, gated.data(), times.data(), std::ssize(x));
    for (std::size_t i = 0; i < x.size(); ++i) {
        INFO("f(" << before[i] << ")");
        const double expected = exactly(activation, before[i]);
        // Where e^x is clamped the quotient is off by less than 1e-8 of x.
        const double margin = before[i] < -20 ? 1e-8 * -before[i] : 1e-9;
        REQUIRE(x[i] == Approx(expected).epsilon(before[i] < -2 ? 2e-5 : 3e-6).margin(margin));
        REQUIRE(gated[i] == 2 * x[i]);
    }
}

TEST_CASE("A soft-cap bends logits within its bounds", "[core.kernels]") {
    std::vector<float> x = normals(45, 10);
    x.insert(x.end(), {-1e30f, -60.f, 0.f, 60.f, 1e30f, -kInfinity});
    const std::vector<float> before = x;
    cpu::softcap(x.data(), std::ssize(x), 30);
    for (std::size_t i = 0; i < x.size(); ++i)
        REQUIRE(x[i] == Approx(30 * std::tanh(double{before[i]} / 30)).epsilon(2e-6));
}

TEST_CASE("Rows are rounded to nearest even and widened exactly", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    std::vector<float> values = normals(53, 9);
    for (const float v : normals(40, 10))
        values.push_back(v * 1e-6f);  // subnormal in f16
    // Ties in both directions, the largest numbers, overflow, zeros, infinities.
    values.insert(values.end(), {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, 1 + 0x1p-11f, 1 + 3 * 0x1p-11f, 0x1p-24f, 0x1p-25f,
                                 3 * 0x1p-25f, 65504.f, 65519.f, 65520.f, 3.3e38f, -0.f, 0.f, kInfinity, -kInfinity});
    const std::vector<unsigned char> expected = stored(type, values);
    std::vector<unsigned char> bytes(expected.size(), 0xAB);
    cpu::convert(type, values.data(), bytes.data(), static_cast<std::int64_t>(values.size()));
    CHECK(bytes == expected);
    std::vector<float> wide(values.size(), kNaN);
    cpu::widen(type, expected.data(), wide.data(), static_cast<std::int64_t>(values.size()));
    for (std::size_t i = 0; i < values.size(); ++i)
        REQUIRE(std::bit_cast<std::uint32_t>(wide[i]) == std::bit_cast<std::uint32_t>(rounded(type, values[i])));
}

TEST_CASE("A NaN stays one in every type", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    // The second has its payload where bf16 has no bits.
    const std::vector<float> values(19, std::bit_cast<float>(GENERATE(0x7FC00000u, 0x7F800001u, 0xFFFFFFFFu)));
    std::vector<unsigned char> bytes(19 * static_cast<std::size_t>(elementBytes(type)));
    std::vector<float> back(19, 0.f);
    cpu::convert(type, values.data(), bytes.data(), 19);
    cpu::widen(type, bytes.data(), back.data(), 19);
    for (const float v : back)
        REQUIRE(std::isnan(v));
}

TEST_CASE("The instruction set has a name", "[core.kernels]") {
    CHECK(!std::string(cpu::instructionSet()).empty());
}
