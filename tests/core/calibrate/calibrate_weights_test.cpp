// Whole models: what each method leaves as it was, what it packs, and that it errs less than RTN.

#include "core/calibrate/calibrate_weights.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randint.h>

#include <vector>

#include "core/methods/quantise/rounded_weights.h"
#include "core/model/forward.h"
#include "core/model/layer_forward.h"
#include "core/tokenizer/tokenizer.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;
const RtnParams kThree{.bits = 3, .group = 32};

WeightCalibration gptq() {
    return {GptqParams{}, kThree.bits, kThree.group};
}
WeightCalibration awq() {
    return {AwqParams{}, kThree.bits, kThree.group};
}

at::Tensor scores(const Model& model, const at::Tensor& blocks) {
    return logits(model, hiddenStates(model, blocks, 0, causalAttentionOf(model.spec), at::kFloat));
}

double error(const Model& model, const at::Tensor& blocks, const at::Tensor& wanted) {
    return (scores(model, blocks) - wanted).pow(2).mean().item<double>();
}

} // namespace

TEST_CASE("A forward layer by layer is the forward", "[core.calibrate]") {
    at::manual_seed(40);
    const auto model = test::randomModel({.layers = 3});
    const at::Tensor blocks = at::randint(50, {5, 30}, at::kLong);
    LayerWalk walk(*model, blocks);
    for (int layer = 0; layer < 3; ++layer)
        walk.pass(layer, model->layers[static_cast<std::size_t>(layer)], kGoOn);
    Model empty = *model;
    empty.spec.layers = 0;
    const at::Tensor last = at::cat(walk.batches(), 0);
    const at::Tensor wide = last / (last.pow(2).mean(-1, true) + model->spec.normEpsilon).sqrt();
    const at::Tensor hidden = hiddenStates(*model, blocks, 0, causalAttentionOf(model->spec), at::kFloat);
    CHECK(at::allclose(wide * model->finalNorm.gain, hidden, 1e-5, 1e-5));
}

TEST_CASE("What matrices are given is summed over every token", "[core.calibrate]") {
    at::manual_seed(41);
    const auto model = test::randomModel();
    const at::Tensor blocks = at::randint(50, {70, 96}, at::kLong); // two batches
    const LayerWalk walk(*model, blocks);
    REQUIRE(walk.batches().size() == 2);
    const LayerInputs inputs = walk.inputs(0, model->layers[0], kGoOn);
    // The first norm of the embedding, by hand.
    const at::Tensor x = model->embedding.take(blocks, at::kFloat).reshape({-1, 32});
    const at::Tensor given =
        (x / (x.pow(2).mean(-1, true) + model->spec.normEpsilon).sqrt() * model->layers[0].attentionNorm.gain)
            .to(at::kDouble);
    const InputSums& sums = inputs[static_cast<std::size_t>(MatrixInput::Projections)];
    const double tokens = 70 * 96;
    CHECK(at::allclose(sums.moment, at::matmul(given.t(), given) * (2 / tokens), 1e-4, 1e-6));
    CHECK(at::allclose(sums.mean, given.abs().mean(0), 1e-5, 1e-8));
    CHECK(at::allclose(sums.most, std::get<0>(given.abs().max(0)), 1e-5, 1e-8));
    CHECK(inputs[static_cast<std::size_t>(MatrixInput::Down)].moment.size(0) == model->spec.ffn);
}

TEST_CASE("GPTQ and AWQ pack every matrix of the layers and nothing else", "[core.calibrate]") {
    at::manual_seed(42);
    const auto model = test::randomModel();
    const at::Tensor blocks = at::randint(50, {16, 48}, at::kLong);
    for (const WeightCalibration& calibration : {gptq(), awq()}) {
        std::vector<int> heard;
        const auto made = calibrateWeights(
            *model, blocks, calibration,
            [&](std::int64_t done, std::int64_t all) {
                CHECK(all == 14);
                heard.push_back(done);
            },
            kGoOn);
        CHECK(heard.size() == 14);
        CHECK(heard.back() == 14);
        for (const LayerWeights& layer : made->layers)
            for (const LayerMatrix& part : kLayerMatrices) {
                REQUIRE((layer.*part.matrix).weight.rtn().has_value());
                CHECK(*(layer.*part.matrix).weight.rtn() == kThree);
            }
        CHECK(made->embedding.stored().is_same(model->embedding.stored()));
        CHECK(made->finalNorm.gain.is_same(model->finalNorm.gain));
        CHECK(made->spec.weightBytes < model->spec.weightBytes);
        CHECK(model->layers[0].query.weight.isFloats()); // the model itself is as it was
        const auto again = calibrateWeights(*model, blocks, calibration, {}, kGoOn);
        CHECK(at::equal(again->layers[1].down.weight.stored(), made->layers[1].down.weight.stored()));
    }
}

TEST_CASE("GPTQ's model errs less than RTN's on the text it was calibrated with", "[core.calibrate]") {
    at::manual_seed(43);
    const auto model = test::randomModel({.headDim = 16, .ffn = 96});
    const at::Tensor blocks = at::randint(50, {40, 64}, at::kLong), wanted = scores(*model, blocks);
    const double rtn = error(*roundWeights(*model, kThree, {}, kGoOn), blocks, wanted),
                 learnt = error(*calibrateWeights(*model, blocks, gptq(), {}, kGoOn), blocks, wanted);
    INFO("GPTQ " << learnt << ", RTN " << rtn);
    CHECK(learnt < rtn);
}

TEST_CASE("A cancelled calibration leaves nothing", "[core.calibrate]") {
    at::manual_seed(44);
    const auto model = test::randomModel();
    const at::Tensor blocks = at::randint(50, {4, 32}, at::kLong);
    const WeightCalibration smooth{SmoothParams{}};
    for (const WeightCalibration& calibration : {gptq(), awq(), smooth}) {
        std::atomic<bool> cancel = false;
        CHECK(calibrateWeights(
                  *model, blocks, calibration, [&](int, int) { cancel = true; }, cancel) == nullptr);
        CHECK(calibrateWeights(*model, blocks, calibration, {}, cancel) == nullptr);
    }
}

TEST_CASE("Weights that cannot be calibrated are named", "[core.calibrate]") {
    at::manual_seed(45);
    auto model = *test::randomModel();
    model.layers[1].gate.weight = model.layers[1].gate.weight.to(at::kFloat) * 1e9;
    const at::Tensor blocks = at::randint(50, {4, 32}, at::kLong);
    CHECK_THROWS_WITH(calibrateWeights(model, blocks, gptq(), {}, kGoOn),
                      Catch::Contains("random: layer 1's gate cannot be calibrated: "));
}
