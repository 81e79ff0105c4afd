// Converted weights against numbers worked by hand and against the equations before anything is absorbed.

#include "core/methods/share/kv_conversion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include "core/model/forward.h"
#include "core/plan/attention_plan.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;
using fovea::test::randomModel;

namespace {

const std::atomic<bool> kGoOn = false;

at::Tensor floats(const std::vector<float>& values, std::int64_t rows) {
    return at::tensor(values).view({rows, -1});
}

// Two layers of width 2 with one head: what matters to the KV alone.
Model twoLayers() {
    Model model;
    model.spec.layers = model.spec.width = model.spec.headDim = 2;
    model.spec.queryHeads = model.spec.kvHeads = 1;
    model.layers.resize(2);
    model.layers[0].attentionNorm.gain = at::tensor(std::vector<float>{2, 1});
    model.layers[1].attentionNorm.gain = at::tensor(std::vector<float>{1, 3});
    model.layers[0].key = {floats({1, 0, 0, 1}, 2)};
    model.layers[1].key = {floats({0, 1, 1, 0}, 2)};
    model.layers[0].value = {floats({1, 2, 3, 4}, 2)};
    model.layers[1].value = {floats({5, 6, 7, 8}, 2)};
    return model;
}

bool same(const at::Tensor& a, const at::Tensor& b) {
    return at::allclose(a.to(at::kFloat), b, 0, 1e-6);
}

std::shared_ptr<const Model> converted(const Model& model, const char* plan) {
    return convertKv(model, parsePlan(plan).share, {}, kGoOn);
}

} // namespace

TEST_CASE("The mean of two layers' weights with their gains absorbed, by hand", "[core.methods]") {
    const Model model = twoLayers();
    const auto shared = converted(model, "share=cla:2");
    const LayerWeights& owner = shared->layers[0];
    // K: ½ ([1 0; 0 1] diag(2 1) + [0 1; 1 0] diag(1 3)) = ½ ([2 0; 0 1] + [0 3; 1 0])
    CHECK(same(owner.key.weight.stored(), floats({1, 1.5, .5, .5}, 2)));
    // V: ½ ([2 2; 6 4] + [5 18; 7 24])
    CHECK(same(owner.value.weight.stored(), floats({3.5, 10, 6.5, 14}, 2)));
    CHECK(same(owner.keyValueNorm.gain, at::tensor(std::vector<float>{1, 1})));
    CHECK_FALSE(owner.key.bias.defined());
    // The query's norm is what it was, and the borrower has no KV.
    CHECK(same(owner.attentionNorm.gain, at::tensor(std::vector<float>{2, 1})));
    CHECK_FALSE(shared->layers[1].key.weight.defined());
    CHECK_FALSE(shared->layers[1].value.weight.defined());
    CHECK(shared->spec.kvSources == std::vector{0, 0});
    // The model that was given is what it was.
    CHECK(same(model.layers[0].key.weight.stored(), floats({1, 0, 0, 1}, 2)));
    CHECK(model.layers[1].key.weight.defined());
}

TEST_CASE("Gains around zero, biases of a LayerNorm and of projections, and gains of key norms, by hand",
          "[core.methods]") {
    Model gemma = twoLayers();
    gemma.spec.normShift = 1;
    for (LayerWeights& layer : gemma.layers)
        layer.attentionNorm.gain = layer.attentionNorm.gain - 1;
    gemma.spec.queryKeyNorm = true;
    gemma.layers[0].keyNorm.gain = at::tensor(std::vector<float>{1, 4});
    gemma.layers[1].keyNorm.gain = at::tensor(std::vector<float>{3, 0});
    const auto shifted = converted(gemma, "share=cla:2");
    CHECK(same(shifted->layers[0].key.weight.stored(), floats({1, 1.5, .5, .5}, 2)));
    CHECK(same(shifted->layers[0].keyValueNorm.gain, at::tensor(std::vector<float>{0, 0})));
    CHECK(same(shifted->layers[0].keyNorm.gain, at::tensor(std::vector<float>{2, 2})));

    Model opt = twoLayers();
    opt.spec.norm = Norm::Layer;
    opt.layers[0].attentionNorm.bias = at::tensor(std::vector<float>{1, 2});
    opt.layers[1].attentionNorm.bias = at::tensor(std::vector<float>{3, 4});
    // c̃ = ½ (W0 b0 + W1 b1) = ½ ((1, 2) + (4, 3))
    CHECK(same(converted(opt, "share=cla:2")->layers[0].key.bias, at::tensor(std::vector<float>{2.5, 2.5})));
    opt.layers[0].key.bias = at::tensor(std::vector<float>{10, 0});
    opt.layers[1].key.bias = at::tensor(std::vector<float>{0, 20});
    CHECK(same(converted(opt, "share=cla:2")->layers[0].key.bias, at::tensor(std::vector<float>{7.5, 12.5})));
    CHECK(same(opt.layers[0].key.bias, at::tensor(std::vector<float>{10, 0})));
}

TEST_CASE("A copy of the first leaves the owner alone, and so does a layer that shares with nobody",
          "[core.methods]") {
    const Model model = twoLayers();
    const auto first = converted(model, "share=cla:2,convert=first");
    CHECK(first->layers[0].key.weight.stored().is_same(model.layers[0].key.weight.stored()));
    CHECK_FALSE(first->layers[0].keyValueNorm.gain.defined());
    CHECK_FALSE(first->layers[1].key.weight.defined());
    const auto own = converted(model, "share=layers:0_1");
    for (int layer = 0; layer < 2; ++layer)
        CHECK(own->layers[layer].key.weight.stored().is_same(model.layers[layer].key.weight.stored()));
}

TEST_CASE("A shared model computes what its equations say before gains are absorbed", "[core.methods]") {
    // Without RoPE, so that the equations fit here: positions are learned, all zero.
    const auto model =
        std::const_pointer_cast<Model>(randomModel({.layers = 5, .queryHeads = 4, .kvHeads = 2}));
    model->spec.learnedPositions = true;
    model->positions = at::zeros({model->spec.context, model->spec.width});
    const ModelSpec& spec = model->spec;
    const at::Tensor tokens = at::tensor(std::vector<std::int64_t>{3, 14, 15, 9, 26, 5}).unsqueeze(0);
    const auto unit = [&](const at::Tensor& x) {
        return x * at::rsqrt(at::mean(x * x, {-1}, true) + spec.normEpsilon);
    };
    const auto heads = [&](const at::Tensor& x, int n) {
        return x.view({1, 6, n, spec.headDim}).transpose(1, 2);
    };
    for (const char* plan : {"share=cla:2", "share=cla:3", "share=layers:0_0_2_0_2",
                             "share=cla:2,convert=first", "share=cla:2,pattern=dense-back"}) {
        INFO(plan);
        const Share share = parsePlan(plan).share;
        const std::vector<int> sources = kvSources(share, spec);
        std::vector<at::Tensor> keys(5), values(5);
        at::Tensor x = model->embedding.take(tokens, at::kFloat);
        for (int layer = 0; layer < 5; ++layer) {
            const LayerWeights& w = model->layers[layer];
            const at::Tensor hat = unit(x);
            int members = 0;
            for (int other = 0; other < 5 && sources[layer] == layer; ++other) {
                if (sources[other] != layer || (conversionOf(share) == KvConversion::First && other != layer))
                    continue;
                const LayerWeights& m = model->layers[other];
                const at::Tensor normed = hat * m.attentionNorm.gain;
                const at::Tensor k = at::linear(normed, m.key.weight.stored());
                const at::Tensor v = at::linear(normed, m.value.weight.stored());
                keys[layer] = members == 0 ? k : keys[layer] + k;
                values[layer] = members == 0 ? v : values[layer] + v;
                ++members;
            }
            if (members > 0)
                keys[layer] = keys[layer] / members, values[layer] = values[layer] / members;
            const at::Tensor q = heads(at::linear(hat * w.attentionNorm.gain, w.query.weight.stored()), 4);
            const at::Tensor mixed =
                causalAttention(q, heads(keys[sources[layer]], 2), heads(values[sources[layer]], 2));
            x = x + at::linear(mixed.transpose(1, 2).reshape({1, 6, spec.width}), w.output.weight.stored());
            const at::Tensor fed = unit(x) * w.ffnNorm.gain;
            x = x + at::linear(at::silu(at::linear(fed, w.gate.weight.stored())) *
                                   at::linear(fed, w.up.weight.stored()),
                               w.down.weight.stored());
        }
        const at::Tensor expected = unit(x) * model->finalNorm.gain;
        const auto shared = converted(*model, plan);
        const at::Tensor computed =
            hiddenStates(*shared, tokens, 0, causalAttentionOf(shared->spec), at::kFloat);
        CHECK(at::allclose(computed, expected, 1e-4, 1e-4));
        if (spec.layers != shared->spec.kvLayers())
            CHECK_FALSE(at::allclose(
                computed, hiddenStates(*model, tokens, 0, causalAttentionOf(spec), at::kFloat), 1e-2, 1e-2));
    }
}

TEST_CASE("Converting tells how far it is, and stops when told to", "[core.methods]") {
    const auto model = randomModel({.layers = 6});
    std::vector<int> told;
    const auto progress = [&](int done, int all) {
        CHECK(all == 3);
        told.push_back(done);
    };
    REQUIRE(convertKv(*model, parsePlan("share=cla:2").share, progress, kGoOn));
    CHECK(told == std::vector{1, 2, 3});
    const std::atomic<bool> stop = true;
    CHECK_FALSE(convertKv(*model, parsePlan("share=cla:2").share, {}, stop));
}
