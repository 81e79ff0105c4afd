// Products on tiles of bf16, against fp64.

#include <ATen/Parallel.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/cache/element_type.h"
#include "core/kernels/cpu/kernels.h"
#include "core/kernels/cpu/tile_product.h"
#include "tests/core/kernels/kv_blocks.h"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

struct Product {
    std::int64_t out, in, vectors;
    std::vector<float> w, x, y;

    Product(std::int64_t o, std::int64_t i, std::int64_t n)
        : out(o), in(i), vectors(n), w(normals(static_cast<std::size_t>(o * i), 1)),
          x(normals(static_cast<std::size_t>(n * i), 2)), y(static_cast<std::size_t>(n * o + 1), kNaN) {}

    void run(bool asBf16) {
        std::vector<std::uint16_t> halves(w.size());
        cpu::TileRows rows;
        if (asBf16) {
            cpu::convert(ElementType::BF16, w.data(), halves.data(), std::ssize(w));
            cpu::widen(ElementType::BF16, halves.data(), w.data(), std::ssize(w));
            rows.bf16 = halves.data();
        } else {
            rows.widen = [this](std::int64_t first, std::int64_t count, float* to) {
                std::copy_n(w.data() + first * in, count * in, to);
            };
        }
        y.back() = -7;
        cpu::tileProduct(rows, *cpu::tiledVectors({x.data()}, in, vectors), y.data(), out);
    }

    // |y − x·Wᵀ| in parts of Σ|x·w|, the largest.
    double error() const {
        double worst = 0;
        for (std::int64_t v = 0; v < vectors; ++v)
            for (std::int64_t row = 0; row < out; ++row) {
                double sum = 0, size = 0;
                for (std::int64_t i = 0; i < in; ++i) {
                    const double part = double{w[static_cast<std::size_t>(row * in + i)]} *
                                        x[static_cast<std::size_t>(v * in + i)];
                    sum += part;
                    size += std::fabs(part);
                }
                const double e = std::fabs(y[static_cast<std::size_t>(v * out + row)] - sum) / size;
                worst = std::isnan(e) ? std::numeric_limits<double>::infinity() : std::max(worst, e);
            }
        return worst;
    }
};

} // namespace

TEST_CASE("A product on tiles is fp32's within the stated bound, whatever the shape", "[core.kernels]") {
    if (!cpu::multipliesTiles()) {
        WARN("this machine has no tiles of bf16");
        return;
    }
    const auto in = GENERATE(1, 31, 32, 70, 256), out = GENERATE(1, 16, 33, 64),
               vectors = GENERATE(1, 16, 17, 50);
    const bool asBf16 = GENERATE(false, true);
    CAPTURE(in, out, vectors, asBf16);
    Product p(out, in, vectors);
    p.run(asBf16);
    CHECK(p.error() <= std::ldexp(1., -15));
    CHECK(p.y.back() == -7);
    const std::vector<float> first = p.y;
    const int threads = at::get_num_threads();
    at::set_num_threads(2);
    p.run(asBf16);
    at::set_num_threads(threads);
    CHECK(p.y == first); // whoever takes which rows
}

TEST_CASE("A product on tiles passes on what is infinite", "[core.kernels]") {
    if (!cpu::multipliesTiles())
        return;
    Product p(20, 40, 3);
    p.x[45] = std::numeric_limits<float>::infinity(); // of the second vector
    p.w[7] = kNaN;                                    // of the first row
    p.run(false);
    for (std::int64_t v = 0; v < 3; ++v)
        for (std::int64_t row = 0; row < 20; ++row) {
            INFO(v << ", " << row);
            const float y = p.y[static_cast<std::size_t>(v * 20 + row)];
            CHECK(std::isfinite(y) == (v != 1 && row != 0));
        }
}
