// Prompts that are masked by the plan's keep: what they leave is what the same tokens leave one by one.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/cache/kv_cache.h"
#include "core/engine/capture.h"
#include "core/engine/eviction.h"
#include "core/engine/prefill.h"
#include "core/engine/prompt_attention.h"
#include "core/engine/session.h"
#include "core/methods/keep/keep_rule.h"
#include "core/plan/plan_prefill.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::difference;
using fovea::test::kBackends;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;
using fovea::test::requireSame;

namespace {

// Longer than two chunks, so that rows that left make room for those of the next chunk.
constexpr std::int64_t kPrompt = 2 * kPrefillChunk + 41, kAll = kPrompt + 8;
const RandomShape kShape{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8, .context = 400};

constexpr const char* kMasked[] = {
    "keep=streaming:sinks=4,window=9 prefill=masked",
    "keep=streaming:sinks=0,window=150 prefill=masked",
    "keep=streaming:sinks=3,window=0 prefill=masked",
    "keep=streaming:sinks=200,window=30 prefill=masked",
    "keep=streaming:sinks=5,window=40,positions=cache prefill=masked",
    "keep=lm-infinite:sinks=6,window=33",
    "keep=lm-infinite:sinks=140,window=1",
    "keep=moa:alpha=20,beta=0.25,sinks=4,block=8,min=16",
    "keep=moa:alpha=10,beta=0.1,sinks=4,block=4,min=8,length=300",
    "keep=moa:spans=2x4/0+0.1N/90+0N/8+0N/0+1N/0+0.4N/30+0N/0+0N/16+0.2N,sinks=3,block=4,min=8",
    "share=cla:2 keep=streaming:sinks=4,window=30 prefill=masked",
};

// max |a - b| / max |b| over n numbers
double apart(const float* a, const float* b, std::int64_t n) {
    return difference({a, static_cast<std::size_t>(n)}, {b, static_cast<std::size_t>(n)});
}

} // namespace

TEST_CASE("A masked prompt leaves the cache and the logits of the same tokens fed one by one",
          "[core.engine]") {
    const auto model = randomModel(kShape);
    const auto tokens = randomTokens(kAll, kShape.vocabulary);
    const std::span<const int> all = tokens;
    for (const char* text : kMasked)
        for (const Backend backend : kBackends) {
            INFO(text << ", backend " << static_cast<int>(backend));
            const SessionOptions options{.backend = backend, .captureBudget = 1 << 30};
            Session atOnce(model, parsePlan(text), options), stepped(model, parsePlan(text), options);
            REQUIRE(atOnce.prefill(all.first(kPrompt), kGoOn));
            for (const int token : all.first(kPrompt))
                stepped.step(token, true);
            for (std::int64_t p = kPrompt; p < kAll; ++p) {
                const StepRecord a = atOnce.step(tokens[static_cast<std::size_t>(p)], true),
                                 b = stepped.step(tokens[static_cast<std::size_t>(p)], true);
                REQUIRE(a.liveSlots == b.liveSlots);
                REQUIRE(a.evicted == b.evicted);
                requireSame(a.held.counted, b.held.counted);
                requireSame(a.formula, a.counted);
                requireSame(a.counted, b.counted);
                REQUIRE(difference(atOnce.logits(), stepped.logits()) < 2e-4);
            }
            // Every row of the prompt, in every layer: the second layer's are what attention made of the first's.
            for (int layer = 0; layer < kShape.layers; ++layer)
                for (int head = 0; head < kShape.queryHeads; ++head)
                    REQUIRE(apart(atOnce.capture()->q(layer, head), stepped.capture()->q(layer, head),
                                  kAll * kShape.headDim) < 2e-4);
        }
}

TEST_CASE("A prompt that is read densely is not what the same tokens fed one by one leave", "[core.engine]") {
    const auto model = randomModel(kShape);
    const auto tokens = randomTokens(kPrompt, kShape.vocabulary);
    for (const char* text : {"keep=streaming:sinks=4,window=9",
                             "keep=moa:alpha=20,beta=0.1,sinks=4,block=8,min=16 prefill=dense"}) {
        Session atOnce(model, parsePlan(text), {}), stepped(model, parsePlan(text), {});
        REQUIRE(atOnce.prefill(tokens, kGoOn));
        for (const int token : tokens)
            stepped.step(token, true);
        atOnce.step(1, true);
        stepped.step(1, true);
        CHECK(difference(atOnce.logits(), stepped.logits()) > 1e-2);
    }
}

TEST_CASE("Before decode-from a masked plan's keep acts and its read does not", "[core.engine]") {
    const auto model = randomModel(kShape);
    const auto tokens = randomTokens(60, kShape.vocabulary);
    const std::string keep = "keep=streaming:sinks=2,window=11";
    Session sparse(model, parsePlan(keep + " read=sparq:r=3,k=5 prefill=masked"), {}),
        dense(model, parsePlan(keep), {});
    for (const int token : tokens) {
        const StepRecord a = sparse.step(token, false), b = dense.step(token, true);
        REQUIRE(a.liveSlots == b.liveSlots);
        requireSame(a.formula, a.counted);
        CHECK(a.counted[Component::KeyColumns] >
              b.counted[Component::KeyColumns]); // written for the read to come
        REQUIRE(difference(sparse.logits(), dense.logits()) < 1e-5);
    }
    sparse.step(1, true);
    dense.step(1, true);
    CHECK(difference(sparse.logits(), dense.logits()) > 1e-3);
}

TEST_CASE("A masked prompt of any length takes the memory of a chunk and of what is kept", "[core.engine]") {
    const auto model = randomModel({.context = 4000});
    for (const std::int64_t prompt : {400, 3000}) {
        Session session(model, parsePlan("keep=streaming:sinks=4,window=60 prefill=masked"), {});
        REQUIRE(session.prefill(randomTokens(prompt), kGoOn));
        // All but the sinks and the window have left by then; the step's own eviction is its own.
        CHECK(session.promptEvicted() == (prompt - 64) * 2 * 2);
        const StepRecord step = session.step(1, true);
        CHECK(step.evicted == 2 * 2);
        CHECK(session.promptEvicted() == (prompt - 64) * 2 * 2);
        CHECK(step.liveSlots == 64 * 2 * 2);
        // One block of 256 slots for each of K and V, whatever the prompt.
        CHECK(step.held.reserved <= 2 * 2 * 2 * 256 * 8 * 4);
    }
}

namespace {

// Weights by the definition of the mask, for the query at p of a text and all keys, -inf where it is hidden.
using Sees = std::function<bool(std::int64_t p, std::int64_t j)>;

at::Tensor byDefinition(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sees& sees) {
    const std::int64_t T = q.size(0);
    at::Tensor scores = at::matmul(q, k.t()) / std::sqrt(static_cast<double>(q.size(1)));
    auto score = scores.accessor<float, 2>();
    for (std::int64_t p = 0; p < T; ++p)
        for (std::int64_t j = 0; j < T; ++j)
            if (j > p || !sees(p, j))
                score[p][j] = -std::numeric_limits<float>::infinity();
    return at::matmul(at::softmax(scores, -1), v);
}

} // namespace

TEST_CASE("The mask of a prompt is the papers' own, written out", "[core.engine]") {
    const int T = 90, H = 4, G = 2, d = 6;
    ModelSpec spec;
    spec.layers = 1, spec.queryHeads = H, spec.kvHeads = G, spec.headDim = d;
    const at::Tensor q = at::randn({1, H, T, d}), k = at::randn({T, G, d}), v = at::randn({T, G, d});
    KvCache cache({.layers = 1, .kvHeads = G, .headDim = d, .type = ElementType::F32, .slotsPerBlock = 16});
    Ledger ledger;
    for (int t = 0; t < T; ++t)
        cache.append(0, t, k[t].contiguous().data_ptr<float>(), v[t].contiguous().data_ptr<float>(), ledger);
    // StreamingLLM: sinks and the w before the current one. MoA: S tokens, the sinks among them, in blocks of b.
    const auto span = [](std::int64_t n, double alpha, double beta) {
        const auto raw = static_cast<std::int64_t>(std::floor(alpha + beta * static_cast<double>(n)));
        const std::int64_t tokens = std::max<std::int64_t>(std::min(raw, n), 8);
        return (tokens + 3) / 4 * 4;
    };
    const double alphas[] = {0, 20, 0, -4}, betas[] = {0.25, 0, 0.5, 1};
    const std::pair<const char*, std::function<Sees(int head)>> cases[] = {
        {"keep=streaming:sinks=4,window=9 prefill=masked",
         [](int) { return [](std::int64_t p, std::int64_t j) { return j < 4 || p - j <= 9; }; }},
        // N fixed: a span that does not grow, so that the window is S - s tokens with the current one.
        {"keep=moa:spans=1x4/0+0.25N/20+0N/0+0.5N/-4+1N,sinks=3,block=4,min=8,length=40",
         [&](int head) {
             return [S = span(40, alphas[head], betas[head])](std::int64_t p, std::int64_t j) {
                 return j < 3 || p - j < S - 3;
             };
         }},
    };
    for (const auto& [text, sight] : cases) {
        const LayerKeep keep(parsePlan(text), spec, 0, true);
        const PrefillSight all{.keep = &keep, .spec = &spec};
        const at::Tensor y = cachedAttention(q, cache, 0, all), own = cachedAttentionByKernel(q, cache, 0, all);
        REQUIRE(own.sizes() == y.sizes());
        for (int head = 0; head < H; ++head) {
            INFO(text << ", head " << head);
            const int g = head / 2;
            const at::Tensor expected = byDefinition(q[0][head], k.select(1, g), v.select(1, g), sight(head));
            REQUIRE((y[0][head] - expected).abs().max().item<float>() < 1e-5f);
            REQUIRE((own[0][head] - expected).abs().max().item<float>() < 1e-5f);
        }
    }
}

TEST_CASE("In a masked prompt an infinite value reaches no head that does not see it", "[core.engine]") {
    const int T = 20, H = 4, G = 2, d = 4;
    ModelSpec spec;
    spec.layers = 1, spec.queryHeads = H, spec.kvHeads = G, spec.headDim = d;
    const at::Tensor k = at::randn({T, G, d}), v = at::randn({T, G, d});
    v[5].fill_(std::numeric_limits<float>::infinity());
    KvCache cache({.layers = 1, .kvHeads = G, .headDim = d, .type = ElementType::F32, .slotsPerBlock = 4});
    Ledger ledger;
    for (int t = 0; t < T; ++t)
        cache.append(0, t, k[t].data_ptr<float>(), v[t].data_ptr<float>(), ledger);
    // Heads see 4, 8, 16 and all tokens.
    const LayerKeep keep(parsePlan("keep=moa:spans=1x4/4+0N/8+0N/16+0N/0+1N,sinks=0,block=4,min=4"), spec, 0,
                         true);
    const at::Tensor y = cachedAttention(at::randn({1, H, T, d}), cache, 0, {.keep = &keep, .spec = &spec});
    const std::int64_t seenUntil[] = {8, 12, 20, 20}; // the first query beyond the span of token 5
    for (int head = 0; head < H; ++head)
        for (std::int64_t p = 0; p < T; ++p)
            CHECK(y[0][head][p].isfinite().all().item<bool>() == (p < 5 || p > seenUntil[head]));
    // The kernel multiplies what is not seen by 0, and so leaves such a cache alone.
    CHECK_FALSE(cachedAttentionByKernel(at::randn({1, H, T, d}), cache, 0, {.keep = &keep, .spec = &spec}).defined());
}

// What a layer makes of a prompt depends on what the layer before it saw.
TEST_CASE("A prompt that is read in floats leaves what a dense one leaves, and codes beside it", "[core.engine]") {
    const auto model = randomModel(kShape);
    const std::vector<int> tokens = randomTokens(kAll, kShape.vocabulary);
    const auto prompted = [&](const char* plan, Backend backend) {
        auto session = std::make_unique<Session>(
            model, parsePlan(plan), SessionOptions{.backend = backend, .captureBudget = 1 << 30, .capacity = kAll});
        REQUIRE(session->prefill(std::span(tokens).first(100), kGoOn)); // in two parts
        REQUIRE(session->prefill(std::span(tokens).subspan(100, kPrompt - 100), kGoOn));
        return session;
    };
    for (const Backend backend : kBackends) {
        const auto dense = prompted("dense", backend);
        const auto keysOf = [](const Session& session) { return session.capture()->k(1, 0); };
        const std::int64_t n = kPrompt * kShape.headDim;
        for (const char* plan : {"store=kivi:residual=32", "store=rtn:bits=2 prefill=dense", "store=kivi:residual=32,bits=8"}) {
            INFO(plan);
            const auto floats = prompted(plan, backend);
            CHECK(apart(keysOf(*floats), keysOf(*dense), n) < 1e-6);
            const StepRecord step = floats->step(1, true);
            requireSame(step.formula, step.counted);
            CHECK(step.held.counted[Component::Scales] > 0);
            // What follows the prompt reads the codes.
            dense->step(1, true);
            CHECK(difference(floats->logits(), dense->logits()) > 1e-6);
            const auto codes = prompted((std::string(plan).find("kivi") != std::string::npos
                                             ? "store=kivi:residual=32 prefill=quantised"
                                             : "store=rtn:bits=2"),
                                        backend);
            CHECK(apart(keysOf(*codes), keysOf(*dense), n) > 1e-4);
        }
    }
}

TEST_CASE("How a prompt meets a store is as the store's paper has it, unless the plan says otherwise", "[core.engine]") {
    CHECK_FALSE(readsPromptInFloats(parsePlan("store=rtn")));
    CHECK(readsPromptInFloats(parsePlan("store=rtn prefill=dense")));
    CHECK(readsPromptInFloats(parsePlan("store=kivi")));
    CHECK_FALSE(readsPromptInFloats(parsePlan("store=cq prefill=quantised")));
    CHECK_FALSE(readsPromptInFloats(parsePlan("store=bf16")));
    CHECK_FALSE(readsPromptInFloats(parsePlan("store=kivi keep=moa:block=8"))); // masked, as if decoded
    CHECK(toText(parsePlan("store=rtn prefill=quantised")) == "store=rtn");
    CHECK(toText(parsePlan("store=rtn prefill=dense")) == "store=rtn prefill=dense");
    CHECK(toText(parsePlan("prefill=quantised store=kivi")) == "store=kivi prefill=quantised");
    const auto why = refusal(parsePlan("prefill=quantised"), randomModel(kShape)->spec);
    REQUIRE(why);
    CHECK(why->find("store has none") != std::string::npos);
}
