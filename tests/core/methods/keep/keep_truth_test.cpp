// The truths of keep=streaming and keep=lm-infinite against attention written out by distance.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <catch2/catch.hpp>

#include <cmath>

#include "core/methods/keep/kept_truth.h"
#include "core/methods/keep/row_turn.h"
#include "core/model/model_spec.h"
#include "tests/support/tensor_reader.h"

using namespace fovea;
using fovea::test::TensorReader;

namespace {

ModelSpec headsOf(int d) {
    ModelSpec spec;
    spec.headDim = d;
    return spec;
}

// What a rule says, token by token: q and k as they were before RoPE, each pair rotated by its distance.
at::Tensor written(const KeepRule& rule, const RowTurn& turn, const at::Tensor& plainQ,
                   const at::Tensor& plainK, const at::Tensor& v, std::int64_t p) {
    std::vector<at::Tensor> scores, values;
    for (std::int64_t j = 0; j <= p; ++j) {
        if (!rule.sees(p, j))
            continue;
        const at::Tensor q = turn.rows(plainQ, rule.distanceTo(p, j));
        scores.push_back(at::matmul(q, plainK.narrow(0, j, 1).t()) /
                         std::sqrt(static_cast<double>(q.size(1))));
        values.push_back(v.narrow(0, j, 1));
    }
    return at::matmul(at::softmax(at::cat(scores, 1), -1), at::cat(values));
}

struct Kept {
    at::Tensor positions;
    TensorReader rows;
};

// The rows a rule leaves, in any order of slots.
Kept keptOf(const KeepRule& rule, const at::Tensor& k, const at::Tensor& v, std::int64_t p) {
    std::vector<std::int64_t> seen;
    for (std::int64_t j = 0; j <= p; ++j)
        if (rule.sees(p, j))
            seen.push_back(j);
    const at::Tensor order = at::tensor(seen).index_select(0, at::randperm(std::ssize(seen), at::kLong));
    return {order, TensorReader(k.index_select(0, order), v.index_select(0, order))};
}

} // namespace

TEST_CASE("Turning rotated keys equals rotating the plain ones to where they end up", "[core.methods]") {
    const RowTurn turn(headsOf(16), 0);
    const at::Tensor plain = at::randn({40, 16}), text = at::arange(40, at::kLong);
    const at::Tensor rotated = turn.rows(plain, text);
    // Prune to sinks 0..3 and 30..39 and give each its rank.
    const at::Tensor kept = at::cat({text.narrow(0, 0, 4), text.narrow(0, 30, 10)}),
                     rank = at::arange(14, at::kLong);
    const at::Tensor pruned = turn.rows(plain.index_select(0, kept), rank);
    const at::Tensor turned = turn.rows(rotated.index_select(0, kept), rank - kept);
    CHECK((pruned - turned).abs().max().item<float>() < 1e-6 * plain.abs().max().item<float>() * 2);
    CHECK(turn.rows(plain, 0).equal(plain));
}

TEST_CASE("A worked turn: a quarter of a circle in the first component's plane", "[core.methods]") {
    ModelSpec spec = headsOf(2);
    const RowTurn turn(spec, 0);
    const at::Tensor x = at::tensor({3.f, 4.f}).unsqueeze(0);
    const at::Tensor y = turn.rows(x, 1); // d = 2: one radian per position
    CHECK(y[0][0].item<float>() == Approx(3 * std::cos(1) - 4 * std::sin(1)));
    CHECK(y[0][1].item<float>() == Approx(4 * std::cos(1) + 3 * std::sin(1)));
}

TEST_CASE("StreamingLLM's truth is attention by distance in the text or in the cache", "[core.methods]") {
    const int d = 12;
    const RowTurn turn(headsOf(d), 0);
    const at::Tensor plainK = at::randn({60, d}) * 2, v = at::randn({60, d}),
                     text = at::arange(60, at::kLong);
    const at::Tensor k = turn.rows(plainK, text);
    for (const auto positions : {StreamingParams::Positions::Original, StreamingParams::Positions::Cache})
        for (const int sinks : {0, 1, 4})
            for (const int window : {1, 7, 100})
                for (const std::int64_t p : {0, 3, 11, 59}) {
                    const StreamingParams params{sinks, window, positions};
                    const KeepRule rule = streamingRule(params);
                    const at::Tensor plainQ = at::randn({3, d}) * 2, q = turn.rows(plainQ, p);
                    Kept kept = keptOf(rule, k, v, p);
                    const at::Tensor truth = keptTruth(params, {turn}, q, kept.rows, kept.positions);
                    INFO("sinks " << sinks << ", window " << window << ", p " << p);
                    REQUIRE(at::allclose(truth, written(rule, turn, plainQ, plainK, v, p), 1e-4, 1e-5));
                }
}

TEST_CASE("LM-Infinite's truth is attention by distance with a ceiling", "[core.methods]") {
    const int d = 12;
    const RowTurn turn(headsOf(d), 0);
    const at::Tensor plainK = at::randn({60, d}) * 2, v = at::randn({60, d}),
                     text = at::arange(60, at::kLong);
    const at::Tensor k = turn.rows(plainK, text);
    for (const int sinks : {0, 1, 10})
        for (const int window : {1, 7, 100})
            for (const std::int64_t p : {0, 6, 7, 8, 59}) {
                const LmInfiniteParams params{sinks, window};
                const KeepRule rule = lmInfiniteRule(params);
                const at::Tensor plainQ = at::randn({3, d}) * 2, q = turn.rows(plainQ, p);
                Kept kept = keptOf(rule, k, v, p);
                const at::Tensor truth = keptTruth(params, {turn}, q, kept.rows, kept.positions);
                INFO("sinks " << sinks << ", window " << window << ", p " << p);
                REQUIRE(at::allclose(truth, written(rule, turn, plainQ, plainK, v, p), 1e-4, 1e-5));
            }
}

TEST_CASE("Positions within the cache are not those of the text once tokens have left", "[core.methods]") {
    // A sink that points where the query pointed: at distance 40 RoPE has turned it away, in the cache it has
    // not.
    const RowTurn turn(headsOf(2), 0);
    const at::Tensor plain = at::tensor({1.f, 0.f}).unsqueeze(0);
    const at::Tensor k = at::cat({plain * 3, turn.rows(plain * 3, 40)}),
                     v = at::tensor({1.f, 0.f, 0.f, 1.f}).view({2, 2});
    const at::Tensor q = turn.rows(plain * 3, 40), positions = at::tensor({0, 40}, at::kLong);
    TensorReader rows(k, v);
    // 9·cos(distance)/√2 for the sink: distance 40 in the text, 1 in the cache; 9/√2 for the token itself.
    const auto shareOfSink = [](double distance) {
        const double sink = std::exp(9 * std::cos(distance) / std::sqrt(2.)),
                     own = std::exp(9 / std::sqrt(2.));
        return sink / (sink + own);
    };
    const auto share = [&](StreamingParams::Positions p) {
        return keptTruth(StreamingParams{1, 0, p}, {turn}, q, rows, positions)[0][0].item<float>();
    };
    CHECK(share(StreamingParams::Positions::Original) == Approx(shareOfSink(40)).epsilon(1e-4));
    CHECK(share(StreamingParams::Positions::Cache) == Approx(shareOfSink(1)).epsilon(1e-4));
    CHECK(keptTruth(LmInfiniteParams{1, 2}, {turn}, q, rows, positions)[0][0].item<float>() ==
          Approx(shareOfSink(2)).epsilon(1e-4));
}
