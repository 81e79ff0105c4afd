#include "core/methods/read/dense.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <catch2/catch.hpp>

#include <cmath>

#include "tests/support/tensor_reader.h"

using namespace fovea;
using fovea::test::TensorReader;

TEST_CASE("Dense attention weighs values by the softmax of scaled scores", "[core.methods]") {
    // q·k = 2 and 0, d = 4, so the scores are 1 and 0 and the weights e/(e+1) and 1/(e+1).
    const auto q = at::tensor({1.f, 1.f, 0.f, 0.f}).view({1, 4});
    TensorReader cache(at::tensor({1.f, 1.f, 7.f, 9.f, 1.f, -1.f, 5.f, 3.f}).view({2, 4}),
                       at::tensor({1.f, 0.f, 2.f, 3.f, 0.f, 1.f, 2.f, -3.f}).view({2, 4}));
    const at::Tensor y = denseTruth(q, cache);

    const float first = std::exp(1.f) / (std::exp(1.f) + 1), second = 1 - first;
    CHECK(y[0][0].item<float>() == Approx(first));
    CHECK(y[0][1].item<float>() == Approx(second));
    CHECK(y[0][2].item<float>() == Approx(2));
    CHECK(y[0][3].item<float>() == Approx(3 * (first - second)));
}

TEST_CASE("Query heads that share a KV head do not see each other", "[core.methods]") {
    const auto q = at::randn({3, 8});
    TensorReader cache(at::randn({20, 8}), at::randn({20, 8}));
    const at::Tensor together = denseTruth(q, cache);
    for (int h = 0; h < 3; ++h)
        CHECK(at::allclose(together[h], denseTruth(q.narrow(0, h, 1), cache)[0], 1e-5, 1e-6));
}

TEST_CASE("One cached token is the output", "[core.methods]") {
    TensorReader cache(at::randn({1, 8}), at::randn({1, 8}));
    CHECK(denseTruth(at::randn({2, 8}), cache).equal(cache.V.expand({2, 8})));
}
