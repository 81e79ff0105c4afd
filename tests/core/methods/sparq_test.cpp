#include "core/methods/read/sparq.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "core/methods/read/dense.h"
#include "core/methods/read/sparq_stages.h"
#include "tests/support/tensor_reader.h"

using namespace fovea;
using fovea::test::TensorReader;

namespace {

at::Tensor matrix(std::vector<float> rows, std::int64_t width) {
    return at::tensor(at::ArrayRef<float>(rows)).view({-1, width}).clone();
}

std::vector<std::int64_t> list(const at::Tensor& t) {
    const at::Tensor c = t.contiguous();
    return {c.data_ptr<std::int64_t>(), c.data_ptr<std::int64_t>() + c.numel()};
}

using Slots = std::vector<std::int64_t>;

SparqParams bare(int r, int k) {
    return {.components = r, .tokens = k, .local = 0, .alpha = false, .tau = false};
}

} // namespace

TEST_CASE("SparQ's temperature and components are those of the group", "[core.methods]") {
    // Two KV heads of two query heads each, r = 1: the approximate logits are [1, -20, 6, 80] over
    // sqrt(2 · [1/11, 20/22, 3/33, 40/44]).
    const at::Tensor q[] = {matrix({1, 10, -20, 2}, 2), matrix({30, 3, 4, 40}, 2)};
    const at::Tensor K[] = {matrix({1, 10}, 2), matrix({20, 2}, 2)};
    const float products[] = {1, -20, 6, 80};
    const float shares[] = {1.f / 11, 20.f / 22, 3.f / 33, 40.f / 44};
    const Slots chosen[] = {{0}, {1}};

    SparqParams params = bare(1, 1);
    params.tau = true;
    for (int head = 0; head < 2; ++head) {
        TensorReader cache(K[head], K[head]);
        const SparqStages stages = sparqTruth(params, q[head], cache);
        CHECK(list(stages.components) == chosen[head]);
        for (int i = 0; i < 2; ++i) {
            const int h = 2 * head + i;
            CHECK(stages.tau[i].item<float>() == Approx(std::sqrt(2 * shares[h])));
            CHECK(stages.logits[i][0].item<float>() == Approx(products[h] / std::sqrt(2 * shares[h])));
        }
    }
}

TEST_CASE("SparQ reads exactly what it chose, and chooses by the component-major copy", "[core.methods]") {
    const auto q = matrix({1, -.5f}, 2);
    TensorReader cache(matrix({1, 0, 4, -10, 2, 5, -3, 10}, 2), matrix({1, 2, 3, 4, 5, 6, 7, 8}, 2));

    const SparqStages stages = sparqTruth(bare(1, 2), q, cache);
    CHECK(list(stages.components) == Slots{0});
    CHECK(list(stages.slots) == Slots{1, 2});
    CHECK(stages.output[0][0].item<float>() == Approx(3.0024).margin(5e-5));
    CHECK(stages.output[0][1].item<float>() == Approx(4.0024).margin(5e-5));

    // A wrong entry in the copy moves the choice to slot 3; scores and values still come from the rows:
    // q·K = 9 and -8, so weights are e^(17/√2) to 1.
    cache.columns[0][3] = 50;
    const SparqStages spoilt = sparqTruth(bare(1, 2), q, cache);
    CHECK(list(spoilt.slots) == Slots{1, 3});
    const double far = 1 / (1 + std::exp(17 / std::sqrt(2.)));
    CHECK(spoilt.output[0][0].item<float>() == Approx(3 + 4 * far));
    CHECK(spoilt.output[0][1].item<float>() == Approx(4 + 4 * far));

    // Planted where the choice cannot change, it changes nothing.
    cache.columns[0][3] = -3;
    cache.columns[0][1] = 50;
    CHECK(sparqTruth(bare(1, 2), q, cache).output.equal(stages.output));
    cache.columns[1].fill_(50); // a component that is not among the r
    CHECK(sparqTruth(bare(1, 2), q, cache).output.equal(stages.output));
}

TEST_CASE("A value that SparQ does not read cannot reach the output, even infinite", "[core.methods]") {
    const auto q = matrix({1, -.5f}, 2);
    const float inf = std::numeric_limits<float>::infinity();
    TensorReader cache(matrix({1, 0, 4, -10, 2, 5, -3, 10}, 2), matrix({inf, inf, 3, 4, 5, 6, inf, inf}, 2));
    const SparqStages stages = sparqTruth(bare(1, 2), q, cache);
    CHECK(stages.output[0][0].item<float>() == Approx(3.0024).margin(5e-5));
    CHECK(stages.output[0][1].item<float>() == Approx(4.0024).margin(5e-5));
}

TEST_CASE("SparQ with every token and no alpha is dense attention", "[core.methods]") {
    for (const auto select : {SparqParams::Select::Softmax, SparqParams::Select::Logits}) {
        for (const int r : {1, 3, 8}) {
            const auto q = at::randn({2, 8});
            TensorReader cache(at::randn({33, 8}), at::randn({33, 8}));
            SparqParams params{.components = r, .tokens = 33, .alpha = false, .select = select};
            CHECK(sparqTruth(params, q, cache).output.equal(denseTruth(q, cache)));
            params.tokens = 1000;
            CHECK(sparqTruth(params, q, cache).output.equal(denseTruth(q, cache)));
            // With every token kept alpha is 1, and the mean has no weight.
            params.alpha = true;
            CHECK(at::allclose(sparqTruth(params, q, cache).output, denseTruth(q, cache), 1e-5, 1e-6));
        }
    }
}

TEST_CASE("Summing softmaxed scores and summing logits choose different tokens", "[core.methods]") {
    // Head 0 scores the tokens 0, 8, 9 and head 1 scores them 3, 1, -9. The logits sum to 3, 9, 0: token 1.
    // Softmaxed, head 0 gives .00, .27, .73 and head 1 .88, .12, .00: the sums are .88, .39, .73, token 0.
    const float s = std::sqrt(2.f);
    const auto q = matrix({s, 0, 0, s}, 2);
    const auto K = matrix({0, 3, 8, 1, 9, -9}, 2);
    TensorReader cache(K, K);

    SparqParams params = bare(2, 1);
    const SparqStages softmax = sparqTruth(params, q, cache);
    params.select = SparqParams::Select::Logits;
    const SparqStages logits = sparqTruth(params, q, cache);

    CHECK(list(softmax.slots) == Slots{0});
    CHECK(list(logits.slots) == Slots{1});
    // The scores themselves are the same; alpha is softmaxed mass in both.
    CHECK(softmax.logits.equal(logits.logits));
    CHECK(softmax.approximate.equal(logits.approximate));
    params.alpha = true;
    CHECK(sparqTruth(params, q, cache).alpha[0].item<float>() ==
          Approx(std::exp(8.) / (1 + std::exp(8.) + std::exp(9.))));
}

TEST_CASE("Ties go to the lowest index", "[core.methods]") {
    const auto q = matrix({1, -1, 1, -1}, 4);
    TensorReader cache(at::zeros({6, 4}), at::randn({6, 4}));
    const SparqStages stages = sparqTruth(bare(2, 3), q, cache);
    CHECK(list(stages.components) == Slots{0, 1});
    CHECK(list(stages.slots) == Slots{0, 1, 2});
}

TEST_CASE("The local window is inside k and holds the current token", "[core.methods]") {
    // Scores fall with position, so without a window the oldest win.
    const auto q = matrix({1}, 1);
    TensorReader cache(-at::arange(10, at::kFloat).view({10, 1}), at::randn({10, 1}));
    SparqParams params = bare(1, 4);

    CHECK(list(sparqTruth(params, q, cache).slots) == Slots{0, 1, 2, 3});
    params.local = 1;
    CHECK(list(sparqTruth(params, q, cache).slots) == Slots{0, 1, 2, 9});
    params.local = 4;
    CHECK(list(sparqTruth(params, q, cache).slots) == Slots{6, 7, 8, 9});
    params.local = {}; // floor(4 / 4)
    CHECK(list(sparqTruth(params, q, cache).slots) == Slots{0, 1, 2, 9});
    params.tokens = 3; // floor(3 / 4)
    CHECK(list(sparqTruth(params, q, cache).slots) == Slots{0, 1, 2});
    params.tokens = 8;
    CHECK(list(sparqTruth(params, q, cache).slots) == Slots{0, 1, 2, 3, 4, 5, 8, 9});
}

TEST_CASE("Alpha is the approximate mass of all rows read, and the mean stands in for the rest",
          "[core.methods]") {
    const auto q = at::randn({3, 8});
    TensorReader cache(at::randn({40, 8}), at::randn({40, 8}));
    const SparqParams params{.components = 3, .tokens = 8, .local = 2};
    const SparqStages stages = sparqTruth(params, q, cache);

    CHECK(stages.slots.size(0) == 8);
    CHECK(list(stages.slots)[7] == 39);
    CHECK(at::allclose(stages.approximate, at::softmax(stages.logits, -1)));
    CHECK(at::allclose(stages.alpha, stages.approximate.index_select(1, stages.slots).sum(1)));
    CHECK(stages.alpha.max().item<float>() < 1);

    SparqParams off = params;
    off.alpha = false;
    const SparqStages plain = sparqTruth(off, q, cache);
    CHECK(plain.slots.equal(stages.slots));
    CHECK(plain.alpha.equal(at::ones({3})));
    const at::Tensor a = stages.alpha.unsqueeze(1);
    CHECK(at::allclose(stages.output, a * plain.output + (1 - a) * cache.V.mean(0), 1e-5, 1e-6));
}

TEST_CASE("Without tau the scores are divided by the root of the head width", "[core.methods]") {
    const auto q = at::randn({2, 16});
    TensorReader cache(at::randn({12, 16}), at::randn({12, 16}));
    SparqParams params = bare(16, 4);
    CHECK(sparqTruth(params, q, cache).tau.equal(at::full({2}, 4.f)));
    // With every component, tau is sqrt(d) all the same and the approximation is exact.
    params.tau = true;
    const SparqStages stages = sparqTruth(params, q, cache);
    CHECK(at::allclose(stages.tau, at::full({2}, 4.f)));
    CHECK(at::allclose(stages.logits, q.matmul(cache.K.t()) / 4, 1e-4, 1e-5));
}

TEST_CASE("A query whose kept components are zero scores every token alike", "[core.methods]") {
    // Head 1 is zero where head 0, and so the group, is large.
    const auto q = matrix({5, 0, 0, 1}, 2);
    TensorReader cache(at::randn({6, 2}), at::randn({6, 2}));
    SparqParams params{.components = 1, .tokens = 2};
    const SparqStages stages = sparqTruth(params, q, cache);
    CHECK(stages.logits[1].equal(at::zeros({6})));
    CHECK(stages.alpha[1].item<float>() == Approx(2. / 6));
    CHECK(stages.output.isfinite().all().item<bool>());
    CHECK(sparqTruth(params, at::zeros({2, 2}), cache).output.isfinite().all().item<bool>());
}
