// SmoothQuant's scales by hand, and that smoothing changes nothing but where the outliers are.

#include "core/calibrate/smooth.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>

#include <vector>

#include "core/calibrate/calibrate_weights.h"
#include "core/model/forward.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

} // namespace

TEST_CASE("SmoothQuant's scales by hand", "[core.calibrate]") {
    // max|X| 16, 1, 0, 4; max|W| over both matrices 1, 4, 2, 0.
    const std::vector<at::Tensor> matrices = {at::tensor({1., -4., 1., 0., .5, 2., 2., 0.}).view({2, 4}),
                                              at::tensor({-1., 3., 0., 0.}).view({1, 4})};
    const at::Tensor most = at::tensor({16., 1., 0., 4.});
    const auto near = [&](double alpha, std::initializer_list<double> wanted) {
        return at::allclose(smoothScales(most, matrices, alpha), at::tensor(wanted), 1e-9, 0);
    };
    // √(16/1), √(1/4), unused, √(4/1e-5)
    CHECK(near(.5, {4, .5, 1, 632.4555320336759}));
    // All of an input's range goes to the weights, or all of the weights' to the input.
    CHECK(near(1, {16, 1, 1, 4}));
    CHECK(near(0, {1, .25, 1, 1e5}));
}

TEST_CASE("A smoothed model computes what it did", "[core.calibrate]") {
    at::manual_seed(21);
    const auto model = test::randomModel({.kvHeads = 2});
    const at::Tensor blocks = at::randint(50, {6, 40}, at::kLong);
    const auto smooth = calibrateWeights(*model, blocks, {SmoothParams{.alpha = .7}}, {}, kGoOn);
    const auto scores = [&](const Model& m) {
        return logits(m, hiddenStates(m, blocks, 0, causalAttentionOf(m.spec), at::kFloat));
    };
    CHECK(at::allclose(scores(*smooth), scores(*model), 1e-4, 1e-4));
    for (std::size_t i = 0; i < 2; ++i) {
        CHECK_FALSE(at::allclose(smooth->layers[i].attentionNorm.gain, model->layers[i].attentionNorm.gain));
        CHECK_FALSE(at::allclose(smooth->layers[i].up.weight.stored(), model->layers[i].up.weight.stored()));
        CHECK(smooth->layers[i].down.weight.stored().is_same(model->layers[i].down.weight.stored()));
    }
    // α = .5 leaves inputs and weights with the same range, channel by channel.
    const auto even = calibrateWeights(*model, blocks, {SmoothParams{}}, {}, kGoOn);
    const LayerInputs inputs =
        LayerWalk(*even, blocks).inputs(0, even->layers[0], kGoOn);
    const LayerWeights& w = even->layers[0];
    const at::Tensor most =
        at::maximum(w.gate.weight.stored().abs().amax({0}), w.up.weight.stored().abs().amax({0}));
    CHECK(at::allclose(inputs[static_cast<std::size_t>(MatrixInput::Inner)].most, most.to(at::kDouble), 1e-3, 0));
}
