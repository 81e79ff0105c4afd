// The rows that codebooks are learnt from, against the forward pass itself.

#include "core/calibrate/kv_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <numeric>

#include "core/methods/keep/row_turn.h"
#include "core/methods/share/kv_conversion.h"
#include "core/model/forward.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

std::vector<int> someText(int n) {
    std::vector<int> text(static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i)
        text[static_cast<std::size_t>(i)] = 3 + i * 7 % 40;
    return text;
}

at::Tensor inputsOf(std::vector<std::int64_t> tokens) {
    return at::tensor(tokens, at::kLong).unsqueeze(0);
}

// What the attention of each layer is given, (G, n, d) each.
struct Seen {
    std::vector<at::Tensor> keys, values;
};

Seen seenBy(const Model& model, const at::Tensor& inputs) {
    Seen seen;
    const AttentionFunction causal = causalAttentionOf(model.spec);
    hiddenStates(
        model, inputs, 0,
        [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
            seen.keys.push_back(k.defined() ? k.squeeze(0) : k);
            seen.values.push_back(v.defined() ? v.squeeze(0) : v);
            return causal(layer, q, k, v);
        },
        at::kFloat);
    return seen;
}

// The summed loss where one number of one layer's keys (values) is moved by `by`.
double lossWhereMoved(const Model& model, const at::Tensor& inputs, const at::Tensor& targets, int where,
                      bool key, const at::Tensor& by) {
    const at::NoGradGuard noGrad;
    const AttentionFunction causal = causalAttentionOf(model.spec);
    const at::Tensor hidden = hiddenStates(
        model, inputs, 0,
        [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
            return causal(layer, q, key && layer == where ? k + by : k, !key && layer == where ? v + by : v);
        },
        at::kFloat);
    return at::cross_entropy_loss(logits(model, hidden).squeeze(0), targets, {}, 2).item<double>();
}

} // namespace

TEST_CASE("Rows are what the forward gives to attention, keys before RoPE", "[core.calibrate]") {
    at::manual_seed(1);
    const auto model = test::randomModel();
    const std::vector<int> text = someText(40);
    const KvRows rows = collectKvRows(*model, text, 1, {.tokens = 40, .window = 10, .skip = 2}, {}, kGoOn);
    // 4 windows, the last of which ends with the text; each without its first two rows.
    REQUIRE(rows.windows == 4);
    REQUIRE(rows.rows == 32);
    const Seen seen = seenBy(*model, inputsOf({1, text[30], text[31], text[32], text[33], text[34], text[35],
                                               text[36], text[37], text[38]}));
    for (std::size_t layer = 0; layer < 2; ++layer) {
        const KvLayerRows& own = rows.layers[layer];
        CHECK(own.values.narrow(0, 24, 8).allclose(seen.values[layer].narrow(1, 2, 8).transpose(0, 1)));
        const at::Tensor keys = own.keys.narrow(0, 24, 8).transpose(0, 1).contiguous();
        const at::Tensor turned =
            RowTurn(model->spec, static_cast<int>(layer)).rows(keys, at::arange(2, 10, at::kLong));
        CHECK(turned.allclose(seen.keys[layer].narrow(1, 2, 8), 1e-4, 1e-5));
        CHECK_FALSE(keys.allclose(seen.keys[layer].narrow(1, 2, 8), 1e-4, 1e-5));
        CHECK_FALSE(own.keyWeights.defined());
    }
}

TEST_CASE("Weights are the squares of the loss's gradients", "[core.calibrate]") {
    at::manual_seed(2);
    const auto model = test::randomModel();
    const std::vector<int> text = someText(9);
    const KvRows rows =
        collectKvRows(*model, text, 1, {.tokens = 8, .window = 8, .gradients = true}, {}, kGoOn);
    REQUIRE(rows.rows == 8);
    std::vector<std::int64_t> inputs = {1}, targets;
    inputs.insert(inputs.end(), text.begin(), text.begin() + 7);
    targets.assign(text.begin(), text.begin() + 8);
    const at::Tensor in = inputsOf(inputs), out = at::tensor(targets, at::kLong);
    // A component of a value, and one of the first position's keys, which RoPE does not turn.
    const double step = 1e-2;
    for (const bool key : {true, false})
        for (const int layer : {0, 1}) {
            const std::int64_t row = key ? 0 : 3, head = 1, channel = 5;
            at::Tensor by = at::zeros({1, 2, 8, 8});
            by.select(0, 0).select(0, head).select(0, row).select(0, channel).fill_(step);
            const double up = lossWhereMoved(*model, in, out, layer, key, by);
            const double down = lossWhereMoved(*model, in, out, layer, key, -by);
            const double slope = (up - down) / (2 * step);
            const KvLayerRows& own = rows.layers[static_cast<std::size_t>(layer)];
            const at::Tensor& weights = key ? own.keyWeights : own.valueWeights;
            INFO((key ? "key" : "value") << " of layer " << layer);
            CHECK(weights.select(0, row).select(0, head).select(0, channel).item<double>() ==
                  Approx(slope * slope).epsilon(.03));
        }
    // Turned back with their keys, all components of a row together are as long as before.
    CHECK(rows.layers[0].keyWeights.sum().item<double>() > 0);
}

TEST_CASE("Where layers share KV, only owners have rows", "[core.calibrate]") {
    at::manual_seed(3);
    const auto model = test::randomModel({.layers = 4});
    ClaParams cla;
    const auto shared = convertKv(*model, cla, {}, kGoOn);
    REQUIRE(shared->spec.kvLayers() == 2);
    const KvRows rows = collectKvRows(*shared, someText(20), 1, {.window = 10, .gradients = true}, {}, kGoOn);
    for (int layer = 0; layer < 4; ++layer) {
        const KvLayerRows& own = rows.layers[static_cast<std::size_t>(layer)];
        CHECK(own.keys.defined() == shared->spec.ownsKv(layer));
        CHECK(own.valueWeights.defined() == shared->spec.ownsKv(layer));
        if (own.keys.defined())
            CHECK(own.keyWeights.sum().item<double>() > 0);
    }
}

TEST_CASE("A text that is shorter than a window is one; without BOS the last token is only a target",
          "[core.calibrate]") {
    at::manual_seed(4);
    const auto model = test::randomModel();
    CHECK(collectKvRows(*model, someText(7), 1, {}, {}, kGoOn).rows == 7);
    CHECK(collectKvRows(*model, someText(7), -1, {}, {}, kGoOn).rows == 6);
    CHECK(collectKvRows(*model, someText(500), 1, {.tokens = 1000, .window = 500}, {}, kGoOn).window ==
          96); // context
    CHECK_THROWS_WITH(collectKvRows(*model, someText(1), 1, {}, {}, kGoOn),
                      Catch::Contains("fewer than two tokens"));
    CHECK_THROWS_WITH(collectKvRows(*model, someText(7), 1, {.skip = 7}, {}, kGoOn),
                      Catch::Contains("larger window"));
    const std::atomic<bool> stop = true;
    CHECK(collectKvRows(*model, someText(7), 1, {}, {}, stop).layers.empty());
    Model dynamic = *model;
    dynamic.spec.rope.scaling = {.kind = RopeScaling::Kind::Dynamic, .factor = 2, .originalContext = 96};
    CHECK_THROWS_WITH(collectKvRows(dynamic, someText(7), 1, {}, {}, kGoOn), Catch::Contains("RoPE changes"));
}
