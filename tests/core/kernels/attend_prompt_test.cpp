// Attention of many queries at once, against the definition in fp64.

#include "core/kernels/cpu/attend_prompt.h"

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "tests/core/kernels/kv_blocks.h"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct PromptCase {
    std::int64_t tokens, slots;
    int dims;
    float softcap = 0;
    std::vector<float> q, k, v;
    std::unique_ptr<bool[]> hidden; // (T, S)

    PromptCase(std::int64_t T, std::int64_t S, int d)
        : tokens(T), slots(S), dims(d), q(normals(static_cast<std::size_t>(T * d), 1)),
          k(normals(static_cast<std::size_t>(S * d), 2)), v(normals(static_cast<std::size_t>(S * d), 3)),
          hidden(std::make_unique<bool[]>(static_cast<std::size_t>(T * S))) {}

    bool& hides(std::int64_t t, std::int64_t s) { return hidden[static_cast<std::size_t>(t * slots + s)]; }
    double dot(std::int64_t t, std::int64_t s) const {
        double sum = 0;
        for (int c = 0; c < dims; ++c)
            sum +=
                double{q[static_cast<std::size_t>(t * dims + c)]} * k[static_cast<std::size_t>(s * dims + c)];
        const double logit = sum / std::sqrt(static_cast<double>(dims));
        return softcap == 0 ? logit : softcap * std::tanh(logit / softcap);
    }
    // (T, d); 0 of a query that sees nothing.
    std::vector<double> truth() {
        std::vector<double> out(static_cast<std::size_t>(tokens * dims), 0.0);
        for (std::int64_t t = 0; t < tokens; ++t) {
            double greatest = -std::numeric_limits<double>::infinity(), sum = 0;
            for (std::int64_t s = 0; s < slots; ++s)
                if (!hides(t, s))
                    greatest = std::max(greatest, dot(t, s));
            for (std::int64_t s = 0; s < slots; ++s) {
                const double p = hides(t, s) ? 0 : std::exp(dot(t, s) - greatest);
                sum += p;
                for (int c = 0; c < dims; ++c)
                    out[static_cast<std::size_t>(t * dims + c)] +=
                        p * v[static_cast<std::size_t>(s * dims + c)];
            }
            for (int c = 0; c < dims && sum > 0; ++c)
                out[static_cast<std::size_t>(t * dims + c)] /= sum;
        }
        return out;
    }
    // (T, stride), NaN where nothing may be written.
    std::vector<float> run(std::int64_t stride) const {
        const cpu::KeyPanels keys(k.data(), slots, dims);
        std::vector<float> out(static_cast<std::size_t>(tokens * stride), kNaN);
        cpu::attendPrompt({.keys = &keys,
                           .values = v.data(),
                           .hidden = hidden.get(),
                           .q = q.data(),
                           .out = out.data(),
                           .tokens = tokens,
                           .qStride = dims,
                           .outStride = stride,
                           .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dims))),
                           .softcap = softcap});
        return out;
    }
    // The largest difference; infinite where there is a NaN, or something beyond a row.
    double error() {
        const std::int64_t stride = dims + 3;
        const std::vector<float> out = run(stride);
        const std::vector<double> expected = truth();
        double worst = 0;
        for (std::int64_t t = 0; t < tokens; ++t)
            for (std::int64_t c = 0; c < stride; ++c) {
                const double y = double{out[static_cast<std::size_t>(t * stride + c)]};
                if (c >= dims ? !std::isnan(y) : std::isnan(y))
                    return std::numeric_limits<double>::infinity();
                if (c < dims)
                    worst = std::max(worst, std::fabs(y - expected[static_cast<std::size_t>(t * dims + c)]));
            }
        return worst;
    }
};

constexpr double kTolerance = 4e-6; // fp32 sums of values of size 1

} // namespace

TEST_CASE("Attention of a prompt agrees with the definition for every shape and sight", "[core.kernels]") {
    const int d = GENERATE(1, 8, 31, 64, 96, 128);
    const std::int64_t T = GENERATE(1, 7, 8, 19), before = GENERATE(0, 5, 90);
    const auto sight = GENERATE(as<std::string>(), "causal", "sinks and window", "scattered", "none at all");
    CAPTURE(d, T, before, sight);
    PromptCase c(T, T + before, d);
    for (std::int64_t t = 0; t < T; ++t)
        for (std::int64_t s = 0; s < c.slots; ++s) {
            const std::int64_t p = before + t;
            c.hides(t, s) = s > p || (sight == "sinks and window" && s >= 2 && p - s > 6) ||
                            (sight == "scattered" && (s * 7 + t) % 3 != 0) || sight == "none at all";
        }
    CHECK(c.error() <= kTolerance);
    c.softcap = 2;
    CHECK(c.error() <= kTolerance);
}

TEST_CASE("In a prompt of equal scores each query gets the mean of what it sees", "[core.kernels]") {
    PromptCase c(9, 40, 16);
    c.k.assign(c.k.size(), .5f);
    for (std::int64_t t = 0; t < 9; ++t)
        for (std::int64_t s = 0; s < 40; ++s)
            c.hides(t, s) = s > 31 + t;
    CHECK(c.error() <= kTolerance);
}

TEST_CASE("A key that a query does not see cannot reach it, even infinite", "[core.kernels]") {
    PromptCase c(10, 30, 24);
    for (std::int64_t t = 0; t < 10; ++t)
        for (std::int64_t s = 0; s < 30; ++s)
            c.hides(t, s) = s > 20 + t || s == 11;
    const std::vector<float> clean = c.run(24);
    for (const float planted : {kInfinity, -kInfinity, kNaN}) {
        std::fill_n(c.k.begin() + 11 * 24, 24, planted);
        CHECK(c.run(24) == clean);
    }
    std::fill_n(c.k.begin() + 25 * 24, 24, kNaN); // that from the query at 25 on see
    const std::vector<float> touched = c.run(24);
    for (std::int64_t t = 0; t < 10; ++t)
        CHECK(std::isnan(touched[static_cast<std::size_t>(t * 24)]) == (20 + t >= 25));
}

TEST_CASE("A query that sees nothing but a key that is no number gives none", "[core.kernels]") {
    for (std::int64_t s = 0; s < 20; ++s) { // wherever it lies in a vector
        PromptCase c(3, 40, 24);
        for (std::int64_t slot = 0; slot < 40; ++slot)
            c.hides(1, slot) = slot != s;
        std::fill_n(c.k.begin() + s * 24, 24, kNaN);
        const std::vector<float> out = c.run(24);
        CHECK(std::isnan(out[24]));
    }
}

TEST_CASE("A number that is not finite is found wherever it lies", "[core.kernels]") {
    for (std::size_t n : {1u, 15u, 16u, 33u}) {
        std::vector<float> x(n, std::numeric_limits<float>::max());
        CHECK(cpu::allFinite(x));
        for (std::size_t i = 0; i < n; ++i)
            for (const float planted : {kInfinity, -kInfinity, kNaN}) {
                std::vector<float> y = x;
                y[i] = planted;
                CHECK_FALSE(cpu::allFinite(y));
            }
    }
}
