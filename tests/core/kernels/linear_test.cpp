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

TEST_CASE("rmsNorm divides by the root of the mean square and multiplies by the gain", "[core.kernels]") {
    const auto type = GENERATE(ElementType::F32, ElementType::F16, ElementType::BF16);
    const auto n = GENERATE(1, 5, 16, 37, 288, 4096);
    const auto size = static_cast<std::size_t>(n);
    const std::vector<float> gain = roundedAll(type, normals(size, 3)), x = normals(size, 4);
    std::vector<float> y(size, kNaN);
    cpu::rmsNorm(type, stored(type, gain).data(), x.data(), y.data(), n, 1e-5f);
    double squares = 0;
    for (const float v : x)
        squares += double{v} * v;
    const double rms = std::sqrt(squares / n + double{1e-5f});
    for (std::size_t i = 0; i < size; ++i)
        REQUIRE(y[i] == Approx(x[i] / rms * gain[i]).epsilon(3e-6).margin(1e-9));
}

TEST_CASE("rmsNorm may work in place", "[core.kernels]") {
    const std::vector<float> gain = normals(37, 5);
    std::vector<float> x = normals(37, 6), y(37, kNaN);
    cpu::rmsNorm(ElementType::F32, gain.data(), x.data(), y.data(), 37, 1e-6f);
    cpu::rmsNorm(ElementType::F32, gain.data(), x.data(), x.data(), 37, 1e-6f);
    CHECK(x == y);
}

TEST_CASE("RoPE turns each pair of components by its own angle, at any position", "[core.kernels]") {
    const auto d = GENERATE(2, 8, 30, 128);
    const auto position = GENERATE(0, 1, 1000, 100000);
    const int n = 3;
    const std::vector<float> before = normals(static_cast<std::size_t>(n * d), 7);
    std::vector<float> after = before;
    cpu::rope(after.data(), n, d, position, 10000.f);
    for (int h = 0; h < n; ++h)
        for (int i = 0; i < d / 2; ++i) {
            const double angle = position * std::pow(10000.0, -2.0 * i / d);
            const double x = before[static_cast<std::size_t>(h * d + i)];
            const double y = before[static_cast<std::size_t>(h * d + i + d / 2)];
            REQUIRE(after[static_cast<std::size_t>(h * d + i)] ==
                    Approx(x * std::cos(angle) - y * std::sin(angle)).margin(2e-6));
            REQUIRE(after[static_cast<std::size_t>(h * d + i + d / 2)] ==
                    Approx(x * std::sin(angle) + y * std::cos(angle)).margin(2e-6));
        }
}

TEST_CASE("SwiGLU gates without overflow", "[core.kernels]") {
    std::vector<float> gate = normals(45, 8);
    gate.insert(gate.end(), {-1e30f, -500.f, -89.f, 0.f, 89.f, 500.f, 1e30f});
    const std::vector<float> up(gate.size(), 2.f), before = gate;
    cpu::swiglu(gate.data(), up.data(), static_cast<std::int64_t>(gate.size()));
    for (std::size_t i = 0; i < gate.size(); ++i) {
        INFO("silu(" << before[i] << ")");
        const double expected = 2 * before[i] / (1 + std::exp(-double{before[i]}));
        // Where e^x is clamped the quotient is off by less than 1e-8 of x.
        REQUIRE(gate[i] == Approx(expected).epsilon(3e-6).margin(before[i] < -80 ? 1e-8 * -before[i] : 1e-9));
    }
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
