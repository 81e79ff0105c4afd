// The rows that codebooks are learnt from, against the forward pass itself.

#include "core/calibrate/kv_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/zeros.h>

#include "core/methods/keep/row_turn.h"
#include "core/methods/share/kv_conversion.h"
#include "core/model/forward.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;

// (count, length) tokens, each block after a BOS.
at::Tensor someBlocks(std::int64_t count, std::int64_t length) {
    at::Tensor blocks = at::arange(count * length, at::kLong).view({count, length}) * 7 % 40 + 3;
    blocks.select(1, 0).fill_(1);
    return blocks;
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
    return at::cross_entropy_loss(logits(model, hidden.narrow(1, 0, 8)).squeeze(0), targets, {}, 2)
        .item<double>();
}

} // namespace

TEST_CASE("Rows are what the forward gives to attention, keys before RoPE", "[core.calibrate]") {
    at::manual_seed(1);
    const auto model = test::randomModel();
    const at::Tensor blocks = someBlocks(4, 10);
    const KvRows rows = collectKvRows(*model, blocks, {.skip = 2}, {}, kGoOn);
    REQUIRE(rows.rows == 32); // of each block all but the first two
    const Seen seen = seenBy(*model, blocks.narrow(0, 3, 1));
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
    const at::Tensor in = someBlocks(1, 9), out = in.squeeze(0).narrow(0, 1, 8);
    const KvRows rows = collectKvRows(*model, in, {.gradients = true}, {}, kGoOn);
    REQUIRE(rows.rows == 9);
    // A component of a value, and one of the first position's keys, which RoPE does not turn.
    const double step = 1e-2;
    for (const bool key : {true, false})
        for (const int layer : {0, 1}) {
            const std::int64_t row = key ? 0 : 3, head = 1, channel = 5;
            at::Tensor by = at::zeros({1, 2, 9, 8});
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
    // Nothing follows the last token, and nobody else looks at it.
    CHECK(rows.layers[0].valueWeights.select(0, 8).sum().item<double>() == 0);
}

TEST_CASE("Where layers share KV, only owners have rows", "[core.calibrate]") {
    at::manual_seed(3);
    const auto model = test::randomModel({.layers = 4});
    ClaParams cla;
    const auto shared = convertKv(*model, cla, {}, kGoOn);
    REQUIRE(shared->spec.kvLayers() == 2);
    const KvRows rows = collectKvRows(*shared, someBlocks(2, 10), {.gradients = true}, {}, kGoOn);
    for (int layer = 0; layer < 4; ++layer) {
        const KvLayerRows& own = rows.layers[static_cast<std::size_t>(layer)];
        CHECK(own.keys.defined() == shared->spec.ownsKv(layer));
        CHECK(own.valueWeights.defined() == shared->spec.ownsKv(layer));
        if (own.keys.defined())
            CHECK(own.keyWeights.sum().item<double>() > 0);
    }
}

TEST_CASE("What cannot be collected is refused, and the work can be stopped", "[core.calibrate]") {
    at::manual_seed(4);
    const auto model = test::randomModel();
    CHECK(collectKvRows(*model, someBlocks(1, 8), {.skip = 7}, {}, kGoOn).rows == 1);
    CHECK_THROWS_WITH(collectKvRows(*model, someBlocks(1, 7), {.skip = 7}, {}, kGoOn),
                      Catch::Contains("longer ones"));
    CHECK_THROWS_WITH(collectKvRows(*model, someBlocks(2, 1), {}, {}, kGoOn), Catch::Contains("longer ones"));
    const std::atomic<bool> stop = true;
    CHECK(collectKvRows(*model, someBlocks(1, 8), {}, {}, stop).layers.empty());
    Model dynamic = *model;
    dynamic.spec.rope.scaling = {.kind = RopeScaling::Kind::Dynamic, .factor = 2, .originalContext = 96};
    CHECK_THROWS_WITH(collectKvRows(dynamic, someBlocks(1, 8), {}, {}, kGoOn),
                      Catch::Contains("RoPE changes"));
}

TEST_CASE("The rows take the bytes that are foretold", "[core.calibrate]") {
    at::manual_seed(4);
    const auto model = test::randomModel();
    for (const bool gradients : {false, true}) {
        const KvRowsOptions options{.gradients = gradients};
        const KvRows rows = collectKvRows(*model, someBlocks(2, 10), options, {}, kGoOn);
        std::int64_t bytes = 0;
        for (const KvLayerRows& own : rows.layers)
            for (const at::Tensor* x : {&own.keys, &own.values, &own.keyWeights, &own.valueWeights})
                bytes += x->defined() ? static_cast<std::int64_t>(x->nbytes()) : 0;
        CHECK(bytes == 20 * predictKvRowBytes(model->spec, options));
    }
}

TEST_CASE("Blocks are as many as there is room for the rows of", "[core.calibrate]") {
    ModelSpec spec; // Llama-2-7B: 1 MiB of fp32 rows a token
    spec.layers = 32, spec.queryHeads = 32, spec.kvHeads = 32, spec.headDim = 128;
    REQUIRE(predictKvRowBytes(spec, {}) == 1 << 20);
    CHECK(blocksWithRoom({.blocks = 64, .length = 256}, spec, {}).blocks == 4);
    CHECK(blocksWithRoom({.blocks = 64, .length = 256}, spec, {.gradients = true}).blocks == 2);
    CHECK(blocksWithRoom({.blocks = 3, .length = 256}, spec, {}).blocks == 3);
    CHECK(blocksWithRoom({.blocks = 64, .length = 4096}, spec, {}).blocks == 1);
}
