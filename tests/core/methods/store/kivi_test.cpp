// KIVI's truth against vectors worked by hand, and its bytes against the paper's arithmetic.

#include "core/methods/store/kivi.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <vector>

#include "core/methods/store/kivi_truth.h"

#include "tests/support/near_values.h"

using namespace fovea;
using test::requireNear;

namespace {

std::vector<float> column(const at::Tensor& rows, std::int64_t channel) {
    return test::floatsOf(rows.select(2, channel).select(1, 0));
}

std::vector<float> row(const at::Tensor& rows, std::int64_t token) {
    return test::floatsOf(rows.select(0, token).select(0, 0));
}

double largestDifference(const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>();
}

// The truths round in groups of any width, so that these can be followed on paper.
constexpr KiviParams kSmall{.bits = 2, .group = 4, .residual = 4};

} // namespace

TEST_CASE("KIVI rounds keys per channel over tokens, and leaves the newest T mod R", "[core.methods]") {
    // Channel 0: 1, 2, 3, 7 has m = 1, s = 2: (x − m)/s = 0, .5, 1, 3, and half goes to even: codes 0, 0, 1, 3.
    // Channel 1 is ten times larger and far from 0, which is nothing to channel 0.
    const at::Tensor keys =
        at::tensor({1.f, 100.f, 2.f, 110.f, 3.f, 120.f, 7.f, 130.f, -5.f, .125f, 9.f, .25f}).view({6, 1, 2});
    const at::Tensor read = kiviKeys(keys, kSmall);
    requireNear(column(read, 0), {1, 1, 3, 7, -5, 9}, 1e-6);
    requireNear(column(read, 1), {100, 110, 120, 130, .125, .25}, 1e-6);
    // Before there are R nothing is rounded.
    CHECK(largestDifference(kiviKeys(keys.narrow(0, 0, 3), kSmall), keys.narrow(0, 0, 3)) == 0);
}

TEST_CASE("KIVI rounds values per token over channels, and leaves the newest min(T, R)", "[core.methods]") {
    const at::Tensor old = at::tensor({1.f, 2.f, 3.f, 7.f}), young = at::tensor({.1f, .2f, .3f, 9.f});
    const at::Tensor values = at::cat({old.view({1, 1, 4}), young.view({1, 1, 4}).expand({4, 1, 4})}, 0);
    const at::Tensor read = kiviValues(values, kSmall);
    requireNear(row(read, 0), {1, 1, 3, 7}, 1e-6);
    for (std::int64_t token = 1; token < 5; ++token)
        CHECK(row(read, token) == row(values, token));
    CHECK(largestDifference(kiviValues(values.narrow(0, 0, 4), kSmall), values.narrow(0, 0, 4)) == 0);
}

TEST_CASE("KIVI without a residual rounds every token, the last group by its own range", "[core.methods]") {
    const KiviParams p{.bits = 2, .group = 4, .residual = 0};
    const at::Tensor x = at::tensor({1.f, 2.f, 3.f, 7.f, 10.f, 11.5f, 16.f}).view({7, 1, 1});
    // 10, 11.5, 16: s = 2, codes 0, .75, 3.
    requireNear(column(kiviKeys(x, p), 0), {1, 1, 3, 7, 10, 12, 16}, 1e-6);
    // One channel is a group of one, which comes back.
    CHECK(largestDifference(kiviValues(x, p), x) == 0);
}

TEST_CASE("KIVI gives back a constant group, and its codes are chosen under what is held", "[core.methods]") {
    const at::Tensor same = at::full({8, 2, 4}, .7f);
    CHECK(largestDifference(kiviKeys(same, kSmall), same) <= 1e-7);
    CHECK(largestDifference(kiviValues(same, kSmall, RtnScale::Held), same) <= .7 / 2048);
    // 0, .3, .6, 1 at 2 bits: 1/3 is .33325195 in binary16, and the range ends there.
    const at::Tensor x = at::tensor({0.f, .3f, .6f, 1.f}).view({4, 1, 1});
    requireNear(column(kiviKeys(x, kSmall, RtnScale::Held), 0), {0, .33325195, .66650391, .99975586}, 1e-7);
    requireNear(column(kiviKeys(x, kSmall), 0), {0, 1 / 3., 2 / 3., 1}, 1e-7);
    // So is the least value: .1 is .099975586 in binary16.
    const at::Tensor y = at::tensor({.1f, .2f, .3f, .4f}).view({4, 1, 1});
    CHECK(column(kiviKeys(y, kSmall, RtnScale::Held), 0)[0] == .099975586f);
}

TEST_CASE("KIVI's error is at most half a step of the group", "[core.methods]") {
    at::manual_seed(3);
    const at::Tensor x = at::randn({64, 2, 32});
    for (const int bits : {8, 4, 3, 2}) {
        const KiviParams p{.bits = bits, .group = 32, .residual = 32};
        const at::Tensor keys = x.view({2, 32, 2, 32});
        const at::Tensor half = (keys.amax(1, true) - keys.amin(1, true)) / p.levels() / 2;
        const at::Tensor error = (kiviKeys(x, p) - x).abs().view({2, 32, 2, 32});
        CHECK((error <= half * 1.0001).all().item<bool>());
        CHECK(error.max().item<double>() > half.max().item<double>() / 2); // it does round
        const at::Tensor old = x.narrow(0, 0, 32);
        const at::Tensor step = (old.amax(2, true) - old.amin(2, true)) / p.levels() / 2;
        CHECK(((kiviValues(x, p) - x).abs().narrow(0, 0, 32) <= step * 1.0001).all().item<bool>());
    }
}

TEST_CASE("KIVI's bits per number are the paper's", "[core.methods]") {
    const KiviParams p;
    CHECK(kiviKeyBits(p, 2048) == 3.0);
    CHECK(kiviValueBits(p, 2048) == 3.8125);
    CHECK(kiviKeyBits(p, 32768) == 3.0);
    CHECK(kiviValueBits(p, 32768) == Approx(3.051).margin(5e-4));
    CHECK(kiviKeyBits(p, 100) == 16);             // all of them wait
    CHECK(kiviKeyBits(p, 160) == Approx(5.6));    // (3·128 + 16·32) / 160
    CHECK(kiviValueBits(p, 160) == Approx(13.4)); // (3·32 + 16·128) / 160
}

TEST_CASE("KIVI's bytes are its bits, and whole groups where they are not", "[core.methods]") {
    for (const int bits : {8, 4, 3, 2})
        for (const std::int64_t T : {128, 160, 2048, 2100}) {
            const KiviParams p{.bits = bits, .group = 32, .residual = 128};
            const double bytes = static_cast<double>(T * 128) / 8;
            CHECK(predictKiviKeyBytes(p, T, 128, 2) == std::llround(kiviKeyBits(p, T) * bytes));
            CHECK(predictKiviValueBytes(p, T, 128, 2) == std::llround(kiviValueBits(p, T) * bytes));
        }
    // d = 48: 12 bytes of codes and two groups, 32 and 16 wide.
    const KiviParams p{.bits = 2, .group = 32, .residual = 32};
    CHECK(predictKiviValueBytes(p, 33, 48, 4) == 12 + 8 + 32 * 48 * 4);
    CHECK(predictKiviKeyBytes(p, 33, 48, 4) == 32 * 12 + 48 * 4 + 48 * 4);
}

TEST_CASE("KIVI's parameters have limits", "[core.methods]") {
    CHECK(kiviFits({}));
    CHECK(kiviFits({.bits = 4, .group = 64, .residual = 0}));
    CHECK_FALSE(kiviFits({.bits = 5}));
    CHECK_FALSE(kiviFits({.group = 48}));
    CHECK_FALSE(kiviFits({.group = 64, .residual = 96})); // not whole groups
    CHECK_FALSE(kiviFits({.residual = -32}));
    CHECK_FALSE(kiviFits({.residual = 8192}));
}
