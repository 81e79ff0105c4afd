// Products with packed rows, against unpacking them first.

#include <catch2/catch.hpp>
#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/kernels/cpu/kernels.h"
#include "core/methods/quantise/rtn_pack.h"
#include "core/plan/attention_plan.h"
#include "tests/core/kernels/kv_blocks.h"
#include "tests/support/only_target.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<RtnParams> forms() {
    std::vector<RtnParams> all;
    for (const int bits : kRtnBits)
        for (const int group : {32, 64, 128, 256}) {
            all.push_back({.bits = bits, .group = group});
            all.push_back({.bits = bits, .group = group, .mode = RtnParams::Mode::Symmetric});
            all.push_back({.bits = bits, .group = group, .zero = RtnParams::Zero::Free});
        }
    return all;
}

std::vector<std::uint8_t> packed(const RtnParams& p, const std::vector<float>& values, std::int64_t in) {
    const std::int64_t rows = std::ssize(values) / in, bytes = rtnRow(p, in).bytes;
    std::vector<std::uint8_t> w(static_cast<std::size_t>(rows * bytes));
    for (std::int64_t row = 0; row < rows; ++row)
        REQUIRE(packRtn(p, values.data() + row * in, in, w.data() + row * bytes) == RtnFault::None);
    return w;
}

// |y − Ŵ·x| beyond what fp32 sums may lose, where zeros are subtracted from sums of their own size; of 4 bits
// single products are of 1 + q/128, eight times as large again where registers are looked up in.
double excess(const RtnParams& p, const std::vector<std::uint8_t>& packed, const std::vector<float>& x,
              const std::vector<float>& y) {
    const auto in = std::ssize(x);
    const std::int64_t bytes = rtnRow(p, in).bytes;
    std::vector<float> w(x.size());
    double worst = -1;
    for (std::size_t row = 0; row < y.size(); ++row) {
        unpackRtn(p, packed.data() + static_cast<std::int64_t>(row) * bytes, w.data(), in);
        double sum = 0, size = 0, largest = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
            sum += double{w[i]} * x[i];
            largest = std::max(largest, std::fabs(double{w[i]}));
        }
        for (const float v : x)
            size += (p.bits == 4 ? 40 : 4) * largest * std::fabs(v);
        const double error = std::fabs(y[row] - sum) - size * (8 + static_cast<double>(in) / 64) * 6e-8;
        worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
    }
    return worst;
}

} // namespace

TEST_CASE("gemv with packed rows is the product with what they unpack to", "[core.kernels]") {
    const auto in = GENERATE(1, 31, 32, 40, 96, 127, 128, 200, 344, 700, 1024);
    const auto out = GENERATE(1, 2, 3, 5, 18, 131);
    const std::vector<float> x = normals(static_cast<std::size_t>(in), 2);
    const std::vector<float> values = normals(static_cast<std::size_t>(out * in), 1);
    for (const RtnParams& p : forms()) {
        INFO(toText({.weights = p}) << " " << out << "x" << in);
        const auto w = packed(p, values, in);
        std::vector<float> y(static_cast<std::size_t>(out), kNaN);
        cpu::gemv(p, w.data(), x.data(), y.data(), out, in);
        REQUIRE(excess(p, w, x, y) <= 0);
    }
}

TEST_CASE("gemv with packed rows of several vectors is that of each", "[core.kernels]") {
    const auto in = GENERATE(31, 344);
    const int out = 131;
    const std::vector<float> values = normals(static_cast<std::size_t>(out * in), 1);
    for (const RtnParams& p : forms())
        for (const int vectors : {2, 3, 4, 7}) {
            INFO(toText({.weights = p}) << " " << vectors << " vectors of " << in);
            const auto w = packed(p, values, in);
            const std::vector<float> x = normals(static_cast<std::size_t>(vectors * in), 2);
            std::vector<float> together(static_cast<std::size_t>(vectors * out), kNaN), alone(together);
            cpu::gemv(p, w.data(), x.data(), together.data(), out, in, vectors);
            for (int v = 0; v < vectors; ++v)
                cpu::gemv(p, w.data(), x.data() + v * in, alone.data() + v * out, out, in);
            REQUIRE(together == alone);
        }
}

TEST_CASE("gemv with packed rows takes each weight to its own place", "[core.kernels]") {
    const std::vector<float> values = normals(344, 3);
    for (const RtnParams& p : forms()) {
        INFO(toText({.weights = p}));
        const auto row = packed(p, values, std::ssize(values));
        std::vector<float> w(values.size()), x(values.size());
        unpackRtn(p, row.data(), w.data(), std::ssize(w));
        for (std::size_t i = 0; i < x.size(); ++i) {
            INFO(i);
            float y = kNaN;
            x[i] = 1;
            cpu::gemv(p, row.data(), x.data(), &y, 1, std::ssize(x));
            REQUIRE(std::fabs(y - w[i]) <= 4e-6);
            x[i] = 0;
        }
    }
}

TEST_CASE("gemv with packed rows reads and writes nothing beyond its rows", "[core.kernels]") {
    const std::size_t in = 200, out = 5;
    for (const RtnParams& p : forms()) {
        INFO(toText({.weights = p}));
        std::vector<float> x = normals(in, 2);
        auto w = packed(p, normals(out * in, 1), static_cast<std::int64_t>(in));
        std::vector<float> clean(out);
        cpu::gemv(p, w.data(), x.data(), clean.data(), std::ssize(clean), static_cast<std::int64_t>(in));
        // What would be scales that are infinite behind the rows, infinity behind x, a mark behind y.
        for (int i = 0; i < 512; ++i)
            w.push_back(i % 2 ? 0x7c : 0x00);
        x.insert(x.end(), 128, std::numeric_limits<float>::infinity());
        std::vector<float> y(out + 1, -7);
        cpu::gemv(p, w.data(), x.data(), y.data(), std::ssize(clean), static_cast<std::int64_t>(in));
        CHECK(y.back() == -7);
        y.pop_back();
        REQUIRE(y == clean);
    }
}

TEST_CASE("gemv with packed rows passes on what is infinite in x", "[core.kernels]") {
    for (const RtnParams& p : forms()) {
        std::vector<float> x = normals(160, 2);
        const auto w = packed(p, normals(160, 1), 160);
        x[90] = std::numeric_limits<float>::infinity();
        float y = 0;
        cpu::gemv(p, w.data(), x.data(), &y, 1, 160);
        CHECK_FALSE(std::isfinite(y));
    }
}

TEST_CASE("gemv with packed rows holds what is small beside one activation that is large", "[core.kernels]") {
    for (const RtnParams& p : forms()) {
        INFO(toText({.weights = p}));
        std::vector<float> x = normals(1024, 2);
        for (std::size_t i = 5; i < x.size(); i += 300)
            x[i] *= 1000;
        std::fill_n(x.begin() + 512, 128, 0.f); // a step of nothing
        const auto w = packed(p, normals(1024 * 4, 1), 1024);
        std::vector<float> y(4, kNaN);
        cpu::gemv(p, w.data(), x.data(), y.data(), std::ssize(y), std::ssize(x));
        CHECK(excess(p, w, x, y) <= 0);
        for (float& v : x)
            v *= 1e-36f;
        cpu::gemv(p, w.data(), x.data(), y.data(), std::ssize(y), std::ssize(x));
        for (const float v : y)
            CHECK(std::fabs(v) < 1e-30f);
    }
}

TEST_CASE("gemv with packed rows is the same product on lesser instruction sets", "[core.kernels]") {
    const std::string best = cpu::instructionSet();
    const std::int64_t in = GENERATE(128, 344, 1024), out = 19;
    const std::vector<float> x = normals(static_cast<std::size_t>(in), 2);
    std::set<std::string> seen;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
        for (const RtnParams& p : forms()) {
            const auto w = packed(p, normals(static_cast<std::size_t>(out * in), 1), in);
            std::vector<float> y(static_cast<std::size_t>(out), kNaN);
            const OnlyTarget only(target);
            INFO(toText({.weights = p}) << " on " << cpu::instructionSet());
            seen.insert(cpu::instructionSet());
            cpu::gemv(p, w.data(), x.data(), y.data(), out, in);
            REQUIRE(excess(p, w, x, y) <= 0);
        }
    CHECK((seen.size() > 1 || hwy::SupportedAndGeneratedTargets().size() == 1)); // the kernels leave some out
    CHECK(cpu::instructionSet() == best);
}
