// Coupled Quantisation's truth against vectors worked by hand, and its bytes.

#include "core/methods/store/cq.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "core/methods/store/cq_truth.h"

#include "tests/support/near_values.h"

using namespace fovea;
using test::floatsOf;
using test::requireNear;

TEST_CASE("CQ gives each group of channels its nearest centroid", "[core.methods]") {
    // One head, d = 4, pairs. Group 0 knows (0, 0) and (1, 1), group 1 (2, −2) and (−2, 2).
    const at::Tensor centroids = at::tensor({0.f, 0.f, 1.f, 1.f, 2.f, -2.f, -2.f, 2.f}).view({1, 2, 2, 2});
    const at::Tensor rows =
        at::tensor({.9f, .3f, 1.f, .9f, -.5f, 1.6f, -.1f, .1f, .5f, .5f, 0.f, 0.f}).view({3, 1, 4});
    // (.9, .3) is .90 from (0, 0) and .50 from (1, 1), squared; each channel by itself would be told 1 and 0.
    // (.5, .5) and (0, 0) are as near to either: the lower number.
    const CqParams p{.channels = 2, .bits = 1};
    const at::Tensor codes = cqCodes(rows, centroids);
    CHECK(floatsOf(codes) == std::vector<float>{1, 0, 1, 1, 0, 0});
    requireNear(floatsOf(cqRows(rows, p, centroids)), {1, 1, 2, -2, 1, 1, -2, 2, 0, 0, 2, -2}, 0);
}

TEST_CASE("CQ's heads have centroids of their own, and its newest rows are exact", "[core.methods]") {
    const at::Tensor centroids = at::tensor({0.f, 1.f, 10.f, 20.f}).view({2, 1, 2, 1});
    const at::Tensor rows = at::tensor({.8f, .8f, .2f, 16.f, .3f, 17.f}).view({3, 2, 1});
    requireNear(floatsOf(cqRows(rows, {.channels = 1, .bits = 1}, centroids)), {1, 10, 0, 20, 0, 20}, 0);
    requireNear(floatsOf(cqRows(rows, {.channels = 1, .bits = 1, .recent = 2}, centroids)),
                {1, 10, .2f, 16, .3f, 17}, 0);
    // More than there are.
    requireNear(floatsOf(cqRows(rows, {.channels = 1, .bits = 1, .recent = 9}, centroids)),
                {.8f, .8f, .2f, 16, .3f, 17}, 0);
}

TEST_CASE("CQ's centroids are read as they are held", "[core.methods]") {
    const at::Tensor centroids = at::tensor({.1f, .3f}).view({1, 1, 2, 1});
    const at::Tensor row = at::tensor({.1f}).view({1, 1, 1});
    const CqParams p{.channels = 1, .bits = 1};
    CHECK(floatsOf(cqRows(row, p, centroids)) == std::vector<float>{.1f});
    CHECK(floatsOf(cqRows(row, p, centroids, RtnScale::Held)) == std::vector<float>{.099975586f});
}

TEST_CASE("CQ takes many tokens in parts and says the same", "[core.methods]") {
    at::manual_seed(11);
    const at::Tensor rows = at::randn({300, 2, 8}), centroids = at::randn({2, 2, 16, 4});
    const at::Tensor all = cqCodes(rows, centroids);
    for (const std::int64_t token : {0, 127, 128, 299})
        CHECK(all.narrow(0, token, 1).equal(cqCodes(rows.narrow(0, token, 1), centroids)));
    CHECK(cqCodes(rows.narrow(0, 0, 0), centroids).sizes() == at::IntArrayRef({0, 2, 2}));
}

TEST_CASE("CQ's bits and bytes are b/c, and the codebooks' apart", "[core.methods]") {
    CHECK(cqBits({.channels = 2, .bits = 8}, 100) == 4);
    CHECK(cqBits({.channels = 4, .bits = 8}, 100) == 2);
    CHECK(cqBits({.channels = 8, .bits = 10}, 100) == 1.25);
    CHECK(cqBits({.channels = 8, .bits = 8}, 100) == 1);
    CHECK(cqBits({.channels = 8, .bits = 8, .recent = 32}, 128) == Approx(.75 + 4));
    CHECK(predictCqBytes({.channels = 8, .bits = 8}, 1000, 128, 2) == 1000 * 16);
    CHECK(predictCqBytes({.channels = 8, .bits = 10, .recent = 32}, 1000, 128, 2) == 968 * 20 + 32 * 256);
    CHECK(predictCqBytes({.channels = 8, .bits = 10}, 1, 32, 2) == 5); // 40 bits
    // LLaMA-7B: 2·32·32·128·256.
    CHECK(predictCqCentroids({.channels = 8, .bits = 8}, 32, 32, 128) == 67108864);
}

TEST_CASE("CQ's parameters have limits", "[core.methods]") {
    CHECK(cqFits({}, 32));
    CHECK(cqFits({.channels = 8, .bits = 10, .recent = 128}, 64));
    CHECK_FALSE(cqFits({.channels = 8}, 12));
    CHECK_FALSE(cqFits({.channels = 3}, 12));
    CHECK_FALSE(cqFits({.bits = 11}, 32));
    CHECK_FALSE(cqFits({.bits = 0}, 32));
    CHECK_FALSE(cqFits({.recent = -1}, 32));
}
