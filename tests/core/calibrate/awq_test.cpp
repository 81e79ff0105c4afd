// AWQ: its scales by hand, what folding leaves as it was, and that its search finds less error than RTN.

#include "core/calibrate/awq.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include "core/calibrate/channel_scales.h"
#include "core/calibrate/gptq.h"
#include "core/methods/quantise/rtn_truth.h"
#include "core/model/forward.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

at::Tensor scores(const Model& model, const at::Tensor& blocks) {
    return logits(model, hiddenStates(model, blocks, 0, causalAttentionOf(model.spec), at::kFloat));
}

} // namespace

TEST_CASE("AWQ's scales by hand", "[core.calibrate]") {
    const at::Tensor mean = at::tensor({4., 1., .25});
    // √ of each, over √(2 · .5) = 1; then the means themselves, over √(4 · .25) = 1
    CHECK(at::allclose(awqScales(mean, .5), at::tensor({2., 1., .5})));
    CHECK(at::allclose(awqScales(mean, 1), mean));
    CHECK(at::allclose(awqScales(mean, 0), at::tensor({1., 1., 1.})));
    // A channel that is never used: 1e-4, over √(4 · 1e-4) = .02.
    CHECK(at::allclose(awqScales(at::tensor({4., 0.}), 1), at::tensor({200., .005})));
}

TEST_CASE("AWQ takes the ratio with the least loss, the first of equals", "[core.calibrate]") {
    const at::Tensor mean = at::tensor({9., 1.});
    int asked = 0;
    const at::Tensor best = bestScales(mean, {}, [&](const at::Tensor& s) {
        ++asked;
        return std::abs(s[0].item<double>() - awqScales(mean, .35)[0].item<double>());
    });
    CHECK(asked == 20);
    CHECK(at::allclose(best, awqScales(mean, .35)));
    CHECK(at::allclose(bestScales(mean, {}, [](const at::Tensor&) { return 1; }), awqScales(mean, 0)));
}

TEST_CASE("AWQ cuts a group where the rest gains more than its largest weight loses", "[core.calibrate]") {
    at::manual_seed(31);
    const RtnParams two{.bits = 2, .group = 32};
    at::Tensor w = at::randn({20, 64}) * .1;
    w.select(1, 3).fill_(.6);
    // The large weight's channel is all but unused: it is cut as far as may be, and every other weight gains.
    at::Tensor moment = at::eye(64, at::kDouble);
    moment[3][3] = 1e-9;
    const at::Tensor cut = awqClipped(w, moment, two);
    CHECK(cut.select(1, 3).mean().item<double>() < .6 * .65);
    CHECK(outputError(w, rtnTruth(cut, two, RtnScale::Held), moment) <
          .7 * outputError(w, rtnTruth(w, two, RtnScale::Held), moment));
    // Never worse than RTN.
    const at::Tensor any = at::randn({30, 64}), even = at::eye(64, at::kDouble);
    CHECK(outputError(any, rtnTruth(awqClipped(any, even, two), two, RtnScale::Held), even) <=
          outputError(any, rtnTruth(any, two, RtnScale::Held), even));
}

TEST_CASE("Scales fold into what comes before, and the model computes what it did", "[core.calibrate]") {
    at::manual_seed(32);
    for (const int kvHeads : {4, 2}) {
        const auto model = test::randomModel({.kvHeads = kvHeads});
        const at::Tensor blocks = at::randint(50, {3, 30}, at::kLong);
        const at::Tensor wanted = scores(*model, blocks);
        for (const MatrixInput input :
             {MatrixInput::Projections, MatrixInput::Output, MatrixInput::Inner, MatrixInput::Down}) {
            INFO("input " << static_cast<int>(input) << " with " << kvHeads << " KV heads");
            const LayerWeights& w = model->layers[1];
            const bool folds = scalesFold(model->spec, w, input);
            CHECK(folds == (input != MatrixInput::Output || kvHeads == 4));
            if (!folds)
                continue;
            Model changed = *model;
            const std::int64_t n = input == MatrixInput::Down ? 24 : 32;
            changed.layers[1] = scaled(model->spec, w, input, at::rand({n}) * 5 + .1);
            CHECK(at::allclose(scores(changed, blocks), wanted, 1e-4, 1e-4));
        }
    }
}

TEST_CASE("A gain that is stored around 0 is divided as a whole", "[core.calibrate]") {
    at::manual_seed(33);
    auto model = *test::randomModel();
    model.spec.normShift = 1;
    const at::Tensor blocks = at::randint(50, {2, 20}, at::kLong), wanted = scores(model, blocks);
    model.layers[0] =
        scaled(model.spec, model.layers[0], MatrixInput::Projections, at::rand({32}) * 3 + .2);
    CHECK(at::allclose(scores(model, blocks), wanted, 1e-4, 1e-4));
}

TEST_CASE("Scales fold into norms of 16 bits without a rounding error", "[core.calibrate]") {
    at::manual_seed(35);
    for (const float shift : {0.f, 1.f}) {
        auto model = *test::randomModel({.type = ElementType::BF16});
        model.spec.normShift = shift;
        const at::Tensor blocks = at::randint(50, {2, 20}, at::kLong), wanted = scores(model, blocks);
        const at::Tensor s = at::rand({32}) * 3 + .2;
        for (const MatrixInput input : {MatrixInput::Projections, MatrixInput::Inner}) {
            const at::Tensor held = foldable(model.spec, model.layers[0], input, s);
            CHECK(at::allclose(held, s.to(at::kDouble), .02, 0));
            model.layers[0] = scaled(model.spec, model.layers[0], input, held);
        }
        CHECK(model.layers[0].ffnNorm.gain.scalar_type() == at::kBFloat16);
        CHECK(at::allclose(scores(model, blocks), wanted, 1e-4, 1e-4));
    }
}

TEST_CASE("ReLU passes scales on and GELU does not", "[core.calibrate]") {
    auto model = *test::randomModel();
    model.spec.gated = false;
    model.spec.activation = Activation::Gelu;
    CHECK_FALSE(scalesFold(model.spec, model.layers[0], MatrixInput::Down));
    model.spec.activation = Activation::Relu;
    CHECK(scalesFold(model.spec, model.layers[0], MatrixInput::Down));
}

TEST_CASE("AWQ's layer is the float layer until it is rounded, and closer to it after", "[core.calibrate]") {
    at::manual_seed(34);
    auto loud = *test::randomModel({.layers = 1, .kvHeads = 4, .headDim = 16, .ffn = 64});
    // A few channels carry far more than the rest: what AWQ is for.
    loud.layers[0].attentionNorm.gain.narrow(0, 3, 3).mul_(30);
    loud.layers[0].ffnNorm.gain.narrow(0, 9, 2).mul_(30);
    const at::Tensor blocks = at::randint(50, {8, 64}, at::kLong);
    const RtnParams three{.bits = 3, .group = 32};
    const LayerWalk walk(loud, blocks);
    // Without cutting, the layer still computes what it did.
    Model changed = loud;
    changed.layers[0] = awqLayer(walk, loud.spec, 0, loud.layers[0], three, {.most = 0.05}, kGoOn);
    const at::Tensor wanted = scores(loud, blocks);
    CHECK(at::allclose(scores(changed, blocks), wanted, 1e-3, 1e-3));
    CHECK_FALSE(at::allclose(changed.layers[0].attentionNorm.gain, loud.layers[0].attentionNorm.gain));

    const auto error = [&](const LayerWeights& layer) {
        Model rounded = loud;
        rounded.layers[0] = layer;
        for (const LayerMatrix& part : kLayerMatrices) {
            Weight& weight = (rounded.layers[0].*part.matrix).weight;
            weight = rtnTruth(weight.to(at::kFloat), three, RtnScale::Held);
        }
        return (scores(rounded, blocks) - wanted).pow(2).mean().item<double>();
    };
    const double learnt = error(awqLayer(walk, loud.spec, 0, loud.layers[0], three, {}, kGoOn)),
                 rtn = error(loud.layers[0]);
    INFO("AWQ " << learnt << ", RTN " << rtn);
    CHECK(learnt < .7 * rtn);
}
