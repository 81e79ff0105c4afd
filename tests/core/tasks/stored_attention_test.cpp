// Attention over what a store gives back, against a cache that grows token by token.

#include "core/tasks/stored_attention.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>

#include "core/methods/quantise/rtn_truth.h"
#include "core/methods/share/kv_conversion.h"
#include "core/methods/store/cq_truth.h"
#include "core/methods/store/kivi_truth.h"
#include "core/tasks/next_token.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

const std::atomic<bool> kGoOn = false;
constexpr std::int64_t kTokens = 300; // more than are scored at once

struct Drawn {
    ModelSpec spec = test::randomModel()->spec;
    at::Tensor q, k, v; // (1, H, T, d), (1, G, T, d)

    Drawn() {
        at::manual_seed(41);
        const auto rows = [](int heads) { return at::randn({1, heads, kTokens, 8}); };
        q = rows(4), k = rows(2) + .5, v = rows(2);
    }
    at::Tensor by(const StoreReading& reading) const { return storedAttentionOf(spec, reading)(0, q, k, v); }
};

at::Tensor tokensFirst(const at::Tensor& x, std::int64_t tokens) {
    return x.squeeze(0).narrow(1, 0, tokens).transpose(0, 1);
}

// What the last of `tokens` gets of rows (T, G, d) in the cache as it is then: (H, d).
at::Tensor lastOf(const Drawn& drawn, std::int64_t tokens, const KvPair& cached) {
    const at::Tensor q = drawn.q.squeeze(0).select(1, tokens - 1).view({2, 2, 8});
    const at::Tensor logits =
        attentionLogits(at::matmul(q, cached.keys.permute({1, 2, 0})), drawn.spec.logitRule(), 8);
    return at::matmul(at::softmax(logits, -1), cached.values.transpose(0, 1)).view({4, 8});
}

void requireAsCached(const Drawn& drawn, const StoreReading& reading,
                     const std::function<KvPair(const KvPair& rows)>& cached) {
    const at::Tensor all = drawn.by(reading).squeeze(0);
    for (const std::int64_t tokens : {1, 31, 32, 33, 64, 65, 100, 256, 257, 300}) {
        INFO(tokens << " tokens");
        const KvPair rows = cached({tokensFirst(drawn.k, tokens), tokensFirst(drawn.v, tokens)});
        CHECK(all.select(1, tokens - 1).allclose(lastOf(drawn, tokens, rows), 1e-4, 1e-5));
    }
}

} // namespace

TEST_CASE("A store that changes nothing is causal attention", "[core.tasks]") {
    const StoreReading same{.read = [](int, const KvPair& rows) { return rows; }};
    Drawn drawn;
    for (const int window : {0, 40})
        for (const float cap : {0.f, 2.f}) {
            drawn.spec.layerSpecs.assign(2, {.window = window});
            drawn.spec.attentionSoftcap = cap;
            CHECK(drawn.by(same).allclose(
                causalAttention(drawn.q, drawn.k, drawn.v, drawn.spec.logitRule(), window), 1e-4, 1e-5));
        }
}

TEST_CASE("Every query sees KIVI's rows as its cache has them by then", "[core.tasks]") {
    const Drawn drawn;
    for (const int residual : {32, 64}) {
        const KiviParams p{.bits = 2, .group = 32, .residual = residual};
        requireAsCached(drawn, kiviReading(p), [&p](const KvPair& rows) {
            return KvPair{kiviKeys(rows.keys, p, RtnScale::Held), kiviValues(rows.values, p, RtnScale::Held)};
        });
    }
}

TEST_CASE("Every query sees CQ's rows, its newest as they are", "[core.tasks]") {
    Drawn drawn;
    drawn.spec.learnedPositions = true; // nothing turns, so that keys are what codes are made of
    const CqParams p{.channels = 4, .bits = 3, .recent = 40};
    StoreCodebooks books{.store = p, .layers = std::vector<LayerCodebooks>(2), .origin = {}};
    books.layers[0] = {.keyTable = {},
                       .valueTable = {},
                       .keyCentroids = at::randn({2, 2, 8, 4}),
                       .valueCentroids = at::randn({2, 2, 8, 4})};
    requireAsCached(drawn, learntReading(drawn.spec, books), [&](const KvPair& rows) {
        return KvPair{cqRows(rows.keys, p, books.layers[0].keyCentroids, RtnScale::Held),
                      cqRows(rows.values, p, books.layers[0].valueCentroids, RtnScale::Held)};
    });
}

TEST_CASE("Keys before RoPE come back turned", "[core.tasks]") {
    const Drawn drawn;
    const KvPair rows{tokensFirst(drawn.k, kTokens), tokensFirst(drawn.v, kTokens)};
    at::Tensor before;
    const StoreReading reading =
        keysBeforeRope(drawn.spec, [&before](int, const at::Tensor& keys) { return before = keys; });
    const KvPair read = reading.read(0, rows);
    CHECK(read.keys.allclose(rows.keys, 1e-4, 1e-5));
    CHECK(before.select(0, 0).allclose(rows.keys.select(0, 0)));
    CHECK_FALSE(before.select(0, 5).allclose(rows.keys.select(0, 5), 1e-2, 1e-2));
    CHECK(read.values.equal(rows.values));
}

TEST_CASE("Borrowing layers attend over what is read of their owner's rows", "[core.tasks]") {
    at::manual_seed(5);
    const auto shared = convertKv(*test::randomModel({.layers = 4}), ClaParams{}, {}, kGoOn);
    REQUIRE(shared->spec.kvLayers() == 2);
    int read = 0;
    const StoreReading counting{.read = [&read](int, const KvPair& rows) {
        ++read;
        return rows;
    }};
    const at::Tensor tokens = at::arange(3, 23, at::kLong).unsqueeze(0);
    const at::Tensor stored =
        hiddenStates(*shared, tokens, 0, storedAttentionOf(shared->spec, counting), at::kFloat);
    CHECK(read == 2);
    CHECK(stored.allclose(hiddenStates(*shared, tokens, 0, causalAttentionOf(shared->spec), at::kFloat), 1e-4,
                          1e-5));
}
