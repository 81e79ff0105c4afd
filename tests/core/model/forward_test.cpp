#include "core/model/forward.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/triu.h>

#include <cmath>
#include <limits>

#include "small_checkpoint.h"

// After everything of libtorch, whose logging defines a CHECK of its own.
#include <catch2/catch.hpp>

using namespace fovea;

namespace {

at::Tensor dense(int, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    return causalAttention(q, k, v);
}

at::Tensor someTokens(std::int64_t count, int vocabulary) {
    return (at::arange(count, at::kLong) * 37 + 11).remainder(vocabulary).unsqueeze(0);
}

double largest(const at::Tensor& t) {
    return t.abs().max().item<double>();
}

// The textbook form: every score, one mask, one softmax, K and V repeated for each query head.
at::Tensor plainAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    const auto group = q.size(1) / k.size(1), length = q.size(2);
    const at::Tensor scores = at::matmul(q, k.repeat_interleave(group, 1).transpose(-1, -2)) /
                              std::sqrt(static_cast<double>(q.size(3)));
    const at::Tensor mask =
        at::full({length, length}, -std::numeric_limits<float>::infinity(), q.options()).triu(1);
    return at::matmul(at::softmax(scores + mask, -1), v.repeat_interleave(group, 1));
}

} // namespace

TEST_CASE("Causal attention over blocks of queries is the textbook form", "[core.model]") {
    for (const std::int64_t length : {1, 5, 256, 300, 600}) {
        const at::Tensor q = at::randn({2, 6, length, 16}), k = at::randn({2, 2, length, 16}),
                         v = at::randn({2, 2, length, 16});
        CHECK(largest(causalAttention(q, k, v) - plainAttention(q, k, v)) < 2e-6);
    }
}

TEST_CASE("A value that no query may see cannot reach the output, even infinite", "[core.model]") {
    const at::Tensor q = at::randn({1, 2, 8, 4}), k = at::randn({1, 1, 8, 4});
    at::Tensor v = at::randn({1, 1, 8, 4});
    const at::Tensor before = causalAttention(q, k, v).narrow(2, 0, 7).clone();
    k.narrow(2, 7, 1).fill_(1e4);
    v.narrow(2, 7, 1).fill_(-3e30);
    CHECK(largest(causalAttention(q, k, v).narrow(2, 0, 7) - before) < 1e-6);
}

TEST_CASE("What follows a token does not change what the model makes of it", "[core.model]") {
    const Model model = test::smallModel();
    const at::Tensor tokens = someTokens(40, model.spec.vocabulary);
    const at::Tensor whole = logits(model, hiddenStates(model, tokens, 0, dense, at::kFloat));
    const at::Tensor prefix =
        logits(model, hiddenStates(model, tokens.narrow(1, 0, 17), 0, dense, at::kFloat));
    REQUIRE(whole.sizes() == at::IntArrayRef({1, 40, 300}));
    CHECK(largest(whole.narrow(1, 0, 17) - prefix) < 1e-5);
    CHECK(largest(whole) > 0.1); // not a comparison of nothing
}

TEST_CASE("Grouped queries are repeated KV heads", "[core.model]") {
    const Model grouped = test::smallModel();
    Model full = grouped;
    full.spec.kvHeads = grouped.spec.queryHeads;
    for (LayerWeights& w : full.layers)
        for (Linear* rows : {&w.key, &w.value})
            rows->weight = rows->weight.stored()
                               .view({grouped.spec.kvHeads, grouped.spec.headDim, grouped.spec.width})
                               .repeat_interleave(grouped.spec.group(), 0)
                               .reshape({full.spec.kvHeads * full.spec.headDim, full.spec.width});
    const at::Tensor tokens = someTokens(23, grouped.spec.vocabulary);
    CHECK(largest(hiddenStates(grouped, tokens, 0, dense, at::kFloat) -
                  hiddenStates(full, tokens, 0, dense, at::kFloat)) < 1e-5);
}

TEST_CASE("Positions matter only by their distance", "[core.model]") {
    const Model model = test::smallModel();
    const at::Tensor tokens = someTokens(20, model.spec.vocabulary);
    const at::Tensor here = hiddenStates(model, tokens, 0, dense, at::kFloat);
    CHECK(largest(here - hiddenStates(model, tokens, 1000, dense, at::kFloat)) < 1e-3);
    // but by their order they do
    const at::Tensor reversed = hiddenStates(model, tokens.flip({1}), 0, dense, at::kFloat);
    CHECK(largest(here.select(1, 19) - reversed.select(1, 0)) > 0.01);
}

TEST_CASE("The functor sees every layer's heads after RoPE", "[core.model]") {
    const Model model = test::smallModel();
    std::vector<int> layers;
    const auto spy = [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        CHECK(q.sizes() == at::IntArrayRef({1, 4, 9, 8}));
        CHECK(k.sizes() == at::IntArrayRef({1, 2, 9, 8}));
        CHECK(v.sizes() == at::IntArrayRef({1, 2, 9, 8}));
        layers.push_back(layer);
        return causalAttention(q, k, v);
    };
    hiddenStates(model, someTokens(9, model.spec.vocabulary), 0, spy, at::kFloat);
    CHECK(layers == std::vector<int>{0, 1});
}

TEST_CASE("Training's bf16 stays near the fp32 it stands for", "[core.model]") {
    const Model model = test::smallModel();
    const at::Tensor tokens = someTokens(30, model.spec.vocabulary);
    const at::Tensor exact = logits(model, hiddenStates(model, tokens, 0, dense, at::kFloat));
    const at::Tensor rounded = logits(model, hiddenStates(model, tokens, 0, dense, at::kBFloat16));
    CHECK(rounded.scalar_type() == at::kFloat);
    CHECK(largest(exact - rounded) < 0.15);
    CHECK(largest(exact - rounded) > 0);
}
