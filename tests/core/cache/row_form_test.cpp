// Rows in the blocks of a cache: what is written comes back as the formula has it.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/cache/row_form.h"
#include "core/methods/quantise/rtn_truth.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

constexpr int kRows = 5;

std::vector<RtnParams> codings() {
    std::vector<RtnParams> all;
    for (const int bits : kRtnBits)
        for (const int group : {32, 64, 128})
            for (const int way : {0, 1, 2})
                all.push_back({bits, group, way == 0 ? RtnParams::Mode::Symmetric : RtnParams::Mode::Asymmetric,
                               way == 1 ? RtnParams::Zero::Free : RtnParams::Zero::Clamped});
    return all;
}

std::vector<float> readRow(const RowForm& form, const std::vector<std::byte>& block, std::int64_t row) {
    std::vector<float> values(static_cast<std::size_t>(form.dims));
    form.read(block.data(), row, 1, values.data());
    return values;
}

} // namespace

TEST_CASE("A row of codes comes back as its formula has it, bit for bit, whatever stands beside it", "[core.cache]") {
    for (const RtnParams& rtn : codings())
        for (const int d : {1, 7, 32, 64, 80, 128, 200, 256}) {
            INFO(rtn.bits << " bits, groups of " << rtn.group << ", d " << d);
            const RowForm form{ElementType::F32, d, kRows, rtn};
            // Exactly as long as it must be; the sanitizers see who looks beyond.
            std::vector<std::byte> block(static_cast<std::size_t>(form.blockBytes()), std::byte{0xFF});
            const at::Tensor rows = at::randn({kRows, d}).contiguous() * 3 + 1;
            for (const std::int64_t row : {4, 0, 2, 3, 1})
                form.write(block.data(), row, rows.data_ptr<float>() + row * d);
            const at::Tensor truth = rtnTruth(rows, rtn, RtnScale::Held), back = rows.clone();
            form.read(block.data(), 0, kRows, back.data_ptr<float>());
            REQUIRE(at::equal(back, truth));

            std::vector<std::byte> other(block.size(), std::byte{0xFF});
            form.copy(block.data(), 3, other.data(), 1);
            REQUIRE(readRow(form, other, 1) == readRow(form, block, 3));
        }
}

TEST_CASE("Values that cannot be held come back as no numbers, and those of the next group as they are",
          "[core.cache]") {
    const RowForm form{ElementType::F32, 64, kRows, RtnParams{.bits = 4, .group = 32}};
    std::vector<std::byte> block(static_cast<std::size_t>(form.blockBytes()));
    for (const float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN(), 3e38f}) {
        std::vector<float> values(64, .5f);
        values[3] = bad;
        values[40] = -1;
        form.write(block.data(), 2, values.data());
        const std::vector<float> back = readRow(form, block, 2);
        for (int c = 0; c < 32; ++c)
            CHECK_FALSE(std::isfinite(back[static_cast<std::size_t>(c)]));
        CHECK(back[40] == Approx(-1).margin(.06));
    }
}

TEST_CASE("A row's bytes are its codes, scales and zeros", "[core.cache]") {
    const RowForm floats{ElementType::BF16, 128, kRows, {}}, clamped{ElementType::BF16, 128, kRows, RtnParams{.bits = 3, .group = 32}},
        free{ElementType::F16, 80, kRows, RtnParams{.bits = 4, .group = 64, .zero = RtnParams::Zero::Free}},
        symmetric{ElementType::F32, 128, kRows, RtnParams{.bits = 2, .mode = RtnParams::Mode::Symmetric}};
    CHECK(floats.codeBytes() == 256);
    CHECK(floats.scaleBytes() == 0);
    CHECK(clamped.codeBytes() == 48);
    CHECK(clamped.scaleBytes() == 4 * 3);
    CHECK(free.codeBytes() == 40);
    CHECK(free.scaleBytes() == 2 * 4);
    CHECK(symmetric.codeBytes() == 32);
    CHECK(symmetric.scaleBytes() == 2);
    CHECK(clamped.blockBytes() == kRows * 60);
}
