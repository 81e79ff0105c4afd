#include "core/methods/read/topv.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "core/methods/read/dense.h"
#include "core/methods/read/topv_stages.h"
#include "tests/support/tensor_reader.h"

using namespace fovea;
using fovea::test::TensorReader;

namespace {

using Slots = std::vector<std::int64_t>;

Slots list(const at::Tensor& t) {
    return {t.data_ptr<std::int64_t>(), t.data_ptr<std::int64_t>() + t.numel()};
}

// Logits of one query that are ln(w), so that the softmax of weights that sum to 1 is w.
at::Tensor weighing(const std::vector<float>& weights) {
    return at::tensor(weights).log().unsqueeze(0);
}

} // namespace

TEST_CASE("The heaviest values are summed with the weights they had, or with those shared out anew",
          "[core.methods]") {
    TensorReader cache(at::zeros({4, 1}), at::tensor({1.f, 10.f, 100.f, 1000.f}).unsqueeze(1));
    const at::Tensor logits = weighing({.1f, .4f, .2f, .3f});
    const TopvStages kept = topvTruth({.tokens = 2}, logits, cache);
    CHECK(list(kept.slots) == Slots{1, 3});
    CHECK(kept.output.item<float>() == Approx(.4 * 10 + .3 * 1000));
    CHECK(kept.mass.item<float>() == Approx(.7));
    const TopvStages shared = topvTruth({.tokens = 2, .renormalise = true}, logits, cache);
    CHECK(shared.output.item<float>() == Approx((.4 * 10 + .3 * 1000) / .7));
    CHECK(shared.mass.item<float>() == Approx(.7));
}

TEST_CASE("A group chooses by the sum of its heads' weights, each head of which has its own",
          "[core.methods]") {
    TensorReader cache(at::zeros({3, 1}), at::tensor({1.f, 2.f, 3.f}).unsqueeze(1));
    const at::Tensor logits = at::tensor({.6f, .3f, .1f, .1f, .3f, .6f}).view({2, 3}).log();
    const TopvStages stages = topvTruth({.tokens = 1}, logits, cache);
    CHECK(list(stages.slots) == Slots{0}); // .7, .6, .7: a tie goes to the lowest
    CHECK(stages.output[0].item<float>() == Approx(.6));
    CHECK(stages.output[1].item<float>() == Approx(.1));
}

TEST_CASE("Top-k V of every token is dense attention", "[core.methods]") {
    TensorReader cache(at::randn({33, 16}), at::randn({33, 16}));
    const at::Tensor q = at::randn({3, 16});
    for (const bool renormalise : {false, true})
        for (const int k : {33, 34, 1000})
            CHECK(at::allclose(topvTruth({k, renormalise}, q, cache, {}).output, denseTruth(q, cache), 1e-5,
                               1e-6));
    const LogitRule capped{0.5f, 3.f};
    CHECK(at::allclose(topvTruth({33}, q, cache, capped).output, denseTruth(q, cache, capped), 1e-5, 1e-6));
}

TEST_CASE("A value that is not chosen cannot reach the output, even infinite", "[core.methods]") {
    const at::Tensor K = at::randn({20, 8}), V = at::randn({20, 8}), q = at::randn({2, 8});
    TensorReader cache(K, V);
    const TopvStages stages = topvTruth({.tokens = 5}, q, cache, {});
    for (int slot = 0; slot < 20; ++slot)
        if (!(stages.slots == slot).any().item<bool>())
            cache.V[slot] = std::numeric_limits<float>::infinity();
    CHECK(topvTruth({.tokens = 5}, q, cache, {}).output.equal(stages.output));
}

TEST_CASE("Tokens that weigh the same are chosen from the oldest on, and a NaN never before a number",
          "[core.methods]") {
    TensorReader cache(at::ones({9, 4}), at::randn({9, 4}));
    CHECK(list(topvTruth({.tokens = 3}, at::ones({1, 4}), cache, {}).slots) == Slots{0, 1, 2});
    CHECK(list(topvTruth({.tokens = 1}, at::ones({1, 4}), cache, {}).slots) == Slots{0});
    TensorReader one(at::ones({1, 4}), at::randn({1, 4}));
    CHECK(topvTruth({.tokens = 1}, at::ones({1, 4}), one, {}).output[0].equal(one.V[0]));
}
