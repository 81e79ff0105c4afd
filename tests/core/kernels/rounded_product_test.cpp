// Products of rounded activations, on every kind of matrix and several at once.

#include <hwy/targets.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/kernels/cpu/kernels.h"
#include "core/kernels/cpu/tile_product.h"
#include "core/methods/quantise/rtn_pack.h"
#include "tests/core/kernels/kv_blocks.h"
#include "tests/support/only_target.h"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr ActGrid kGrids[] = {{8, false}, {4, false}, {8, true}, {4, true}};

// A matrix and what it stands for.
struct Matrix {
    std::int64_t out, in;
    std::vector<std::uint8_t> bytes;
    RtnParams rtn;
    bool packed;
    std::vector<float> values;

    Matrix(std::int64_t o, std::int64_t i, const RtnParams* form, unsigned seed)
        : out(o), in(i), rtn(form ? *form : RtnParams{}), packed(form != nullptr),
          values(normals(static_cast<std::size_t>(o * i), seed)) {
        const std::int64_t row = packed ? rtnRow(rtn, in).bytes : 4 * in;
        bytes.resize(static_cast<std::size_t>(out * row));
        for (std::int64_t r = 0; r < out; ++r) {
            float* const from = values.data() + r * in;
            if (!packed) {
                cpu::convert(ElementType::F32, from, bytes.data() + r * row, in);
                continue;
            }
            REQUIRE(packRtn(rtn, from, in, bytes.data() + r * row) == RtnFault::None);
            unpackRtn(rtn, bytes.data() + r * row, from, in);
        }
    }
    cpu::StoredMatrix stored() const {
        return {.data = bytes.data(), .rows = out, .rtn = packed ? &rtn : nullptr};
    }
};

// |y − W·x̂| in parts of Σ|w|·max|x̂|, the largest; x̂ by the kernel, which acts_test.cpp holds against the truth.
double error(const Matrix& w, const std::vector<float>& x, const ActGrid& grid, const std::vector<float>& y) {
    std::vector<float> whole(x.size());
    const std::int64_t vectors = std::ssize(x) / w.in;
    std::vector<float> scales(static_cast<std::size_t>(vectors));
    cpu::roundActs(grid, x.data(), whole.data(), scales.data(), w.in, vectors);
    double worst = 0;
    for (std::int64_t v = 0; v < vectors; ++v)
        for (std::int64_t row = 0; row < w.out; ++row) {
            double sum = 0, size = 1e-12;
            for (std::int64_t i = 0; i < w.in; ++i) {
                const double a = double{whole[static_cast<std::size_t>(v * w.in + i)]} *
                                 scales[static_cast<std::size_t>(v)];
                const double b = w.values[static_cast<std::size_t>(row * w.in + i)];
                sum += a * b;
                size += std::fabs(b) * grid.levels() * scales[static_cast<std::size_t>(v)];
            }
            const double e = std::fabs(y[static_cast<std::size_t>(v * w.out + row)] - sum) / size;
            worst = std::isnan(e) ? std::numeric_limits<double>::infinity() : std::max(worst, e);
        }
    return worst;
}

std::vector<RtnParams> forms() {
    std::vector<RtnParams> all;
    for (const int bits : kRtnBits) {
        all.push_back({.bits = bits});
        all.push_back({.bits = bits, .group = 256, .mode = RtnParams::Mode::Symmetric});
        all.push_back({.bits = bits, .group = 32, .zero = RtnParams::Zero::Free});
    }
    return all;
}

} // namespace

TEST_CASE("Rounded activations are multiplied as what they stand for, on every instruction set",
          "[core.kernels]") {
    const std::int64_t in = GENERATE(1, 40, 128, 200, 700), out = GENERATE(1, 7, 66),
                       vectors = GENERATE(1, 3);
    const std::vector<float> x = normals(static_cast<std::size_t>(in * vectors), 2);
    for (const RtnParams& form : forms()) {
        const Matrix w(out, in, &form, 1);
        for (const std::int64_t target : hwy::SupportedAndGeneratedTargets())
            for (const ActGrid& grid : kGrids) {
                const OnlyTarget only(target);
                CAPTURE(form.bits, form.group, grid.bits, grid.symmetric, in, out, vectors,
                        cpu::instructionSet());
                std::vector<float> y(static_cast<std::size_t>(out * vectors + 1), kNaN);
                y.back() = -7;
                const cpu::Product product{w.stored(), y.data()};
                cpu::multiply({&product, 1}, x.data(), in, vectors, &grid);
                REQUIRE(y.back() == -7);
                REQUIRE(error(w, x, grid, y) < 4e-6); // sums of fp32, one after the other at worst
            }
    }
}

TEST_CASE("Activations of nothing give nothing, and what is no number gives none", "[core.kernels]") {
    const RtnParams form{.bits = 4};
    const Matrix packed(5, 256, &form, 1), floats(5, 256, nullptr, 3);
    for (const Matrix* w : {&packed, &floats})
        for (const ActGrid& grid : kGrids) {
            std::vector<float> x(512, 0.f), y(10, kNaN);
            const cpu::Product product{w->stored(), y.data()};
            cpu::multiply({&product, 1}, x.data(), 256, 2, &grid);
            for (const float v : y)
                CHECK(v == 0);
            x[300] = std::numeric_limits<float>::infinity();
            cpu::multiply({&product, 1}, x.data(), 256, 2, &grid);
            for (std::size_t i = 0; i < y.size(); ++i)
                CHECK(std::isfinite(y[i]) == (i < 5));
        }
}

TEST_CASE("Several matrices at once give what each gives by itself, whoever takes which rows",
          "[core.kernels]") {
    const RtnParams four{.bits = 4}, eight{.bits = 8};
    const std::int64_t in = 256, vectors = GENERATE(1, 3);
    const Matrix a(700, in, &four, 1), b(1, in, &four, 2), c(333, in, &eight, 3), d(40, in, nullptr, 4);
    const std::vector<float> x = normals(static_cast<std::size_t>(in * vectors), 5);
    const auto yOf = [&](const Matrix& w) {
        return std::vector<float>(static_cast<std::size_t>(w.out * vectors), kNaN);
    };
    for (const ActGrid* acts : {static_cast<const ActGrid*>(nullptr), &kGrids[0], &kGrids[2]})
        for (const std::vector<const Matrix*>& all :
             {std::vector<const Matrix*>{&a, &b, &a}, {&b, &c, &d}, {&d, &a}, {&c}}) {
            std::vector<std::vector<float>> together, alone;
            std::vector<cpu::Product> products;
            for (const Matrix* w : all) {
                together.push_back(yOf(*w));
                alone.push_back(yOf(*w));
            }
            for (std::size_t i = 0; i < all.size(); ++i) {
                products.push_back({all[i]->stored(), together[i].data()});
                const cpu::Product one{all[i]->stored(), alone[i].data()};
                cpu::multiply({&one, 1}, x.data(), in, vectors, acts);
            }
            cpu::multiply(products, x.data(), in, vectors, acts);
            CHECK(together == alone);
        }
    const std::vector<cpu::Product> none;
    cpu::multiply(none, x.data(), in, vectors);
}

TEST_CASE("Rounded activations on tiles are what they stand for", "[core.kernels]") {
    if (!cpu::multipliesTiles()) {
        WARN("this machine has no tiles of bf16");
        return;
    }
    const std::int64_t in = GENERATE(1, 70, 256), out = GENERATE(1, 33, 64), vectors = GENERATE(1, 17, 50);
    const RtnParams form{.bits = 4};
    const Matrix w(out, in, &form, 1);
    const std::vector<float> x = normals(static_cast<std::size_t>(in * vectors), 2);
    for (const ActGrid& grid : kGrids) {
        CAPTURE(grid.bits, grid.symmetric, in, out, vectors);
        std::vector<float> whole(x.size()), scales(static_cast<std::size_t>(vectors)),
            y(static_cast<std::size_t>(out * vectors), kNaN);
        cpu::roundActs(grid, x.data(), whole.data(), scales.data(), in, vectors);
        cpu::TileRows rows;
        rows.widen = [&](std::int64_t first, std::int64_t count, float* to) {
            std::copy_n(w.values.data() + first * in, count * in, to);
        };
        cpu::tileProduct(rows, *cpu::tiledVectors({whole.data(), scales.data()}, in, vectors), y.data(), out);
        CHECK(error(w, x, grid, y) < 1. / (1 << 16));
    }
}
