// KVQuant's truth against vectors worked by hand, and its bytes against the paper's.

#include "core/methods/store/kvquant.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>

#include <limits>

#include "core/methods/store/kvquant_truth.h"

#include "tests/support/near_values.h"

using namespace fovea;
using test::floatsOf;
using test::requireNear;

namespace {

// Two bits, levels that are not even.
KvquantTable valueTable() {
    const at::Tensor levels = at::tensor({-1.f, -.25f, .25f, 1.f});
    return {.offset = {}, .range = {}, .levels = levels, .read = levels};
}

// Of one head with two channels: −1 … 1 and 10 … 30.
KvquantTable keyTable() {
    KvquantTable table = valueTable();
    table.offset = at::tensor({0.f, 20.f}).view({1, 2});
    table.range = at::tensor({1.f, 10.f}).view({1, 2});
    return table;
}

constexpr KvquantParams kPlain{.bits = 2, .outliers = 0, .exact = 0, .norm = false};

} // namespace

TEST_CASE("Quantiles lie between their neighbours", "[core.methods]") {
    const at::Tensor x = at::tensor({4.f, 1.f, 2.f, 8.f, 0.f, 5.f}).view({2, 3});
    requireNear(floatsOf(quantileOf(x, 0)), {1, 0}, 0);
    requireNear(floatsOf(quantileOf(x, .5)), {2, 5}, 0);
    requireNear(floatsOf(quantileOf(x, .75)), {3, 6.5}, 0);
    requireNear(floatsOf(quantileOf(x, 1)), {4, 8}, 0);
    requireNear(floatsOf(quantileOf(x.narrow(1, 0, 1), .3)), {4, 8}, 0);
}

TEST_CASE("KVQuant rounds keys to the levels of their channel's range", "[core.methods]") {
    const at::Tensor keys = at::tensor({.7f, 22.f, .5f, 17.6f, -.9f, 10.f, 3.f, 45.f}).view({4, 1, 2});
    // x' = .7, .2; .5, −.24; −.9, −1; 3, 2.5, which are beyond and take the outermost level.
    requireNear(floatsOf(kvquantKeys(keys, kPlain, keyTable())), {1, 22.5, .25, 17.5, -1, 10, 1, 30}, 1e-6);
}

TEST_CASE("KVQuant's levels tie downwards", "[core.methods]") {
    requireNear(floatsOf(nearestLevel(at::tensor({0.f, .625f, -.625f, 9.f}).to(at::kDouble),
                                      valueTable().levels.to(at::kDouble))),
                {1, 2, 0, 3}, 0);
}

TEST_CASE("KVQuant leaves the first tokens and the farthest outliers as they are", "[core.methods]") {
    KvquantParams p = kPlain;
    p.exact = 1;
    p.outliers = .1; // one of two channels at most
    const at::Tensor keys =
        at::tensor({7.f, 7.f, 3.f, 45.f, 3.f, 40.f, -.9f, 31.f, .9f, 30.f}).view({5, 1, 2});
    // (3, 45): |x'| = 3 and 2.5; (3, 40): 3 and 2; (−.9, 31): 1.1 is beyond; (.9, 30): nothing is.
    requireNear(floatsOf(kvquantKeys(keys, p, keyTable())), {7, 7, 3, 30, 3, 30, -1, 31, 1, 30}, 1e-6);
    // Alike, x' = −2 both: the lower channel.
    const at::Tensor alike = at::tensor({-2.f, 0.f}).view({1, 1, 2});
    p.exact = 0;
    requireNear(floatsOf(kvquantKeys(alike, p, keyTable())), {-2, 10}, 1e-6);
    // As held: .1 beyond −1 … 1 in binary16.
    const at::Tensor held = at::tensor({1.1f, 20.f}).view({1, 1, 2});
    CHECK(floatsOf(kvquantKeys(held, p, keyTable(), RtnScale::Held))[0] == 1.0996094f);
}

TEST_CASE("KVQuant finds the range of values per token and KV head", "[core.methods]") {
    // Two tokens of one head, or one of two. Token 0: l = −2, u = 6, so offset 2, range 4 and x' = −1, −.125, .25, 1.
    const at::Tensor values = at::tensor({-2.f, 1.5f, 3.f, 6.f, 5.f, 5.f, 5.f, 5.f}).view({2, 1, 4});
    for (const auto& rows : {values, values.view({1, 2, 4})})
        requireNear(floatsOf(kvquantValues(rows, kPlain, valueTable())),
                    {-2, 1, 3, 6, 5 - .25e-5, 5 - .25e-5, 5 - .25e-5, 5 - .25e-5}, 1e-6);
    // Ten per cent of four: one outlier. l and u lie 15 % of the way to the neighbours: l = −2 + .15·3.5 = −1.475,
    // u = 6 − .15·3 = 5.55; offset 2.0375, range 3.5125: |x'| = 1.1495 and 1.1281, so −2 stays and 6 becomes u.
    KvquantParams p = kPlain;
    p.outliers = .1;
    requireNear(floatsOf(kvquantValues(values.narrow(0, 0, 1), p, valueTable())),
                {-2, 2.0375 - .25 * 3.5125, 2.0375 + .25 * 3.5125, 5.55}, 1e-5);
}

TEST_CASE("KVQuant reads its levels as Q-Norm has them", "[core.methods]") {
    KvquantTable table = valueTable();
    table.read = table.levels * .5 + .1;
    const at::Tensor values = at::tensor({-1.f, .3f, -.2f, 1.f}).view({1, 1, 4});
    requireNear(floatsOf(kvquantValues(values, kPlain, table)), {-.4, .225, -.025, .6}, 1e-6);
    CHECK(KvquantParams{.bits = 2}.normed());
    CHECK_FALSE(KvquantParams{.bits = 3}.normed());
    CHECK_FALSE(kPlain.normed());
}

TEST_CASE("KVQuant's bits per number are the paper's", "[core.methods]") {
    const KvquantParams p;
    CHECK(kvquantOutliers(p, 4096) == 41);
    CHECK(kvquantBits(p, 4096) == Approx(3.328).margin(5e-4));
    CHECK(kvquantOutliers({.outliers = .07}, 100) == 7);
    CHECK(kvquantOutliers({.outliers = 0}, 4096) == 0);
    CHECK(kvquantOutliers(p, 64) == 1);
    // 24 bytes of codes, one outlier, two binary16; the first token in fp32.
    CHECK(predictKvquantValueBytes(p, 10, 64, 4) == 9 * (24 + 4 + 4) + 256);
    CHECK(predictKvquantKeyBytes(p, 10, 64, 4) == 9 * (24 + 4) + 256);
    CHECK(predictKvquantValueBytes(p, 0, 64, 4) == 0);
    CHECK(predictKvquantTableBytes(p, 4096) == 2 * (2 * 4096 + 4 * 8));
}

TEST_CASE("KVQuant's parameters have limits", "[core.methods]") {
    CHECK(kvquantFits({}, 4096));
    CHECK(kvquantFits({.bits = 2, .outliers = 0, .exact = 0}, 1));
    CHECK_FALSE(kvquantFits({.bits = 5}, 64));
    CHECK_FALSE(kvquantFits({.bits = 1}, 64));
    CHECK_FALSE(kvquantFits({.outliers = .2}, 64));
    CHECK_FALSE(kvquantFits({.outliers = std::numeric_limits<double>::quiet_NaN()}, 64));
    CHECK_FALSE(kvquantFits({.exact = -1}, 64));
    CHECK_FALSE(kvquantFits({}, 65537));
}
