// The replay redraws what a method would have done; its batched form is held against the methods' own truths.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <numeric>
#include <random>

#include "core/engine/capture.h"
#include "core/engine/replay.h"
#include "core/methods/quantise/rtn_truth.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_prefill.h"

#include <catch2/catch.hpp>

namespace fovea {
namespace {

ModelSpec smallSpec() {
    return {.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 16, .context = 128};
}

// Random Q, K, V of every layer.
Capture randomCapture(const ModelSpec& spec, std::int64_t tokens, unsigned seed) {
    Capture capture(spec, tokens, 1 << 30);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    std::vector<float> q(spec.queryHeads * spec.headDim), k(spec.kvHeads * spec.headDim), v(k.size());
    for (int layer = 0; layer < spec.layers; ++layer)
        for (std::int64_t t = 0; t < tokens; ++t) {
            for (auto* row : {&q, &k, &v})
                for (float& x : *row)
                    x = normal(random);
            capture.write(layer, t, q.data(), k.data(), v.data());
        }
    return capture;
}

std::vector<std::int32_t> chosenRow(const HeadMap& map, std::int64_t row) {
    return {map.chosen.begin() + map.first[row], map.chosen.begin() + map.first[row + 1]};
}

const std::atomic<bool> kNever{false};

} // namespace

TEST_CASE("Every row of a replayed head map is what the truth of that query chose", "[core.engine]") {
    const Capture capture = randomCapture(smallSpec(), 61, 7);
    const std::string plan = GENERATE(as<std::string>{}, "read=sparq:r=4,k=8", "read=sparq:r=16,k=8,local=0",
                                      "read=sparq:r=3,k=9,tau=off,select=logits", "read=sparq:r=1,k=200",
                                      "read=sparq:r=5,k=7,local=7", "read=topv:k=6", "read=topv:k=100",
                                      "read=topv:k=1,renormalise=on", "read=quest:page=4,pages=3,skip=1",
                                      "read=quest:page=1,pages=9,skip=0", "read=quest:page=7,pages=100,skip=0",
                                      "store=rtn:bits=2", "store=rtn:bits=3 read=sparq:r=4,k=8",
                                      "store=rtn:bits=2,zero=free read=topv:k=6", "store=rtn read=quest:page=4,pages=3,skip=1",
                                      "store=kivi:residual=32", "store=kivi:residual=32 read=sparq:r=4,k=8",
                                      "store=kivi:residual=32 read=topv:k=6",
                                      "store=kivi:residual=32 read=quest:page=4,pages=3,skip=1");
    CAPTURE(plan);
    const AttentionPlan parsed = parsePlan(plan);
    for (int head = 0; head < 4; ++head) {
        const HeadMap map = replayHead(capture, 61, 1, head, parsed, 10, kNever);
        for (std::int64_t query = 0; query < 61; ++query) {
            const QueryStages stages = replayQuery(capture, query, 1, head, parsed, 10);
            CAPTURE(head, query);
            REQUIRE(stages.sparse == (query >= 10 && !std::holds_alternative<ReadAll>(parsed.read)));
            REQUIRE(chosenRow(map, query) == stages.chosen);
            REQUIRE(map.missed[query] == Approx(stages.missed).margin(1e-5));
        }
    }
}

TEST_CASE("A keep's rows are what it sees, and what it dropped is missed", "[core.engine]") {
    ModelSpec spec = smallSpec();
    const std::string text = GENERATE(
        as<std::string>{}, "keep=streaming:sinks=3,window=9",
        "keep=streaming:sinks=2,window=9,positions=cache", "keep=lm-infinite:sinks=4,window=8",
        "keep=streaming:sinks=0,window=1", "keep=streaming:sinks=3,window=12 read=sparq:r=4,k=7",
        "keep=streaming:sinks=3,window=900", "keep=moa:alpha=2,beta=0.3,sinks=2,block=4,min=4",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5 read=sparq:r=4,k=9",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/9+0N/30+0.2N,sinks=2,block=3,min=5 "
        "read=sparq:r=4,k=12,local=2,select=logits",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5 read=topv:k=6",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/9+0N/30+0.2N,sinks=2,block=3,min=5 "
        "read=quest:page=4,pages=3,skip=0 prefill=dense",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/9+0N/30+0.2N,sinks=2,block=3,min=5 "
        "read=quest:page=4,pages=3,skip=0",
        "keep=streaming:sinks=3,window=12 read=topv:k=5",
        "keep=streaming:sinks=3,window=12,positions=cache read=topv:k=5",
        "keep=lm-infinite:sinks=4,window=8 read=topv:k=5", "read=quest:page=4,pages=2,skip=0",
        "keep=streaming:sinks=3,window=12 read=quest:page=4,pages=2,skip=0", "read=sparq:r=4,k=7",
        "keep=streaming:sinks=3,window=9 prefill=masked", "keep=lm-infinite:sinks=4,window=8 prefill=dense",
        "keep=streaming:sinks=3,window=12 read=sparq:r=4,k=7 prefill=masked",
        "keep=streaming:sinks=3,window=12 read=topv:k=5 prefill=masked",
        "keep=streaming:sinks=3,window=12 read=quest:page=4,pages=2,skip=0 prefill=masked",
        "keep=moa:spans=2x4/0+0N*5/0+0.5N/30+0N/9+0.2N,sinks=2,block=3,min=5 read=sparq:r=4,k=9 "
        "prefill=dense");
    const int window = GENERATE(0, 20);
    spec.layerSpecs = {{.window = window, .rope = {}}, {.window = window, .rope = {}}};
    const Capture capture = randomCapture(spec, 61, 7);
    CAPTURE(text, window);
    const AttentionPlan plan = parsePlan(text);
    const KeepRule rule = keepRule(plan, window, true, {1, 3}), own = keepRule(plan, window, false);
    const HeadMap map = replayHead(capture, 61, 1, 3, plan, 20, kNever);
    const std::int64_t from = keepActsFrom(plan, 20); // a masked prompt's rows are the keep's as well
    REQUIRE(map.decodeFrom == 20);
    REQUIRE(map.actsFrom == from);
    for (std::int64_t query = 0; query < 61; ++query) {
        const QueryStages stages = replayQuery(capture, query, 1, 3, plan, 20);
        CAPTURE(query);
        REQUIRE(chosenRow(map, query) == stages.chosen);
        REQUIRE(map.missed[query] == Approx(stages.missed).margin(1e-5));
        std::vector<std::int32_t> evicted;
        for (std::int64_t key = 0; key <= query; ++key) {
            const bool acts = query >= from, sees = acts ? rule.sees(query, key) : own.sees(query, key);
            REQUIRE((map.gone[static_cast<std::size_t>(key)] > query) == sees);
            if (own.sees(query, key) && !sees)
                evicted.push_back(static_cast<std::int32_t>(key));
        }
        REQUIRE(stages.evicted == (stages.sparse ? evicted : std::vector<std::int32_t>{}));
        if (!evicted.empty() && query >= from) {
            REQUIRE(stages.sparse);
            // What was evicted weighs something, and none of it is read.
            REQUIRE(stages.missed > 0);
            std::vector<std::int32_t> both;
            std::set_intersection(evicted.begin(), evicted.end(), stages.chosen.begin(), stages.chosen.end(),
                                  std::back_inserter(both));
            REQUIRE(both.empty());
        }
        REQUIRE(stages.guessed ==
                (query >= 20 && stages.sparse && !std::holds_alternative<ReadAll>(plan.read)));
        // What its group holds for another head has a score that the choice was made by; what it does not has none.
        const KeepRule held = LayerKeep(plan, capture.spec(), 1, true).read(1, query);
        for (const std::int32_t key : stages.guessed ? evicted : std::vector<std::int32_t>{})
            REQUIRE(std::isnan(stages.approximate[static_cast<std::size_t>(key)]) == !held.sees(query, key));
    }
}

TEST_CASE("The score on the inspector's axis is the one that decided", "[core.engine]") {
    const Capture capture = randomCapture(smallSpec(), 80, 11);
    const std::string plan = GENERATE(as<std::string>{}, "read=sparq:r=4,k=12,local=3",
                                      "read=sparq:r=4,k=12,local=3,select=logits,tau=off");
    const QueryStages stages = replayQuery(capture, 79, 1, 2, parsePlan(plan), 0);
    for (std::int32_t token = 0; token < 77; ++token) {  // the 3 newest are read whatever they score
        const bool chosen = std::binary_search(stages.chosen.begin(), stages.chosen.end(), token);
        REQUIRE(chosen == (stages.approximate[token] >= stages.threshold));
    }
}

TEST_CASE("A query of top-k V shows the mass it keeps, one of Quest what bounds its pages", "[core.engine]") {
    const Capture capture = randomCapture(smallSpec(), 80, 5);
    const QueryStages topv = replayQuery(capture, 79, 1, 2, parsePlan("read=topv:k=9"), 0);
    CHECK(topv.method == QueryStages::Method::Topv);
    CHECK(topv.alpha == Approx(1 - topv.missed).margin(1e-5));
    CHECK(std::accumulate(topv.weights.begin(), topv.weights.end(), 0.f) == Approx(topv.alpha));
    for (std::int32_t token = 0; token < 80; ++token)
        CHECK(std::binary_search(topv.chosen.begin(), topv.chosen.end(), token) ==
              (topv.approximate[token] >= topv.threshold));
    const QueryStages shared = replayQuery(capture, 79, 1, 2, parsePlan("read=topv:k=9,renormalise=on"), 0);
    CHECK(std::accumulate(shared.weights.begin(), shared.weights.end(), 0.f) == Approx(1));

    const QueryStages quest = replayQuery(capture, 78, 1, 2, parsePlan("read=quest:page=8,pages=4,skip=1"), 0);
    CHECK(quest.method == QueryStages::Method::Quest);
    REQUIRE(quest.pages.size() == 10);
    CHECK(quest.chosen.size() == 4 * 8 - 1);
    int chosen = 0, rows = 0;
    for (const PageStage& page : quest.pages) {
        CHECK(page.bound >= page.exact - 1e-5f);
        for (std::int32_t key = page.oldest; key <= page.newest; ++key) {
            CHECK(quest.exact[static_cast<std::size_t>(key)] <= page.exact);
            CHECK(std::binary_search(quest.chosen.begin(), quest.chosen.end(), key) == page.chosen);
        }
        chosen += page.chosen;
        rows += page.rows;
    }
    CHECK(chosen == 4);
    CHECK(rows == 79);
    CHECK(quest.pages.back().chosen);
    // In a layer that is skipped everything is read.
    CHECK_FALSE(replayQuery(capture, 78, 0, 2, parsePlan("read=quest:page=8,pages=4,skip=1"), 0).sparse);
    CHECK(replayHead(capture, 79, 0, 2, parsePlan("read=quest:page=8,pages=4,skip=1"), 0, kNever).chosen.empty());
}

TEST_CASE("Weights of a replayed map are a causal softmax", "[core.engine]") {
    const Capture capture = randomCapture(smallSpec(), 33, 1);
    const HeadMap map = replayHead(capture, 33, 0, 2, {}, 0, kNever);
    REQUIRE(map.chosen.empty());
    for (std::int64_t i = 0; i < 33; ++i) {
        float sum = 0;
        for (std::int64_t j = 0; j < 33; ++j) {
            const float w = map.weights[i * 33 + j];
            REQUIRE((j <= i ? w > 0 : w == 0));
            sum += w;
        }
        REQUIRE(sum == Approx(1));
    }
}

TEST_CASE("A query that reads every token misses nothing and errs by nothing", "[core.engine]") {
    const Capture capture = randomCapture(smallSpec(), 20, 3);
    const std::string plan = GENERATE(as<std::string>{}, "read=sparq:r=16,k=64,alpha=off", "read=topv:k=20",
                                      "read=quest:page=3,pages=7,skip=0");
    const QueryStages stages = replayQuery(capture, 19, 1, 3, parsePlan(plan), 0);
    REQUIRE(stages.missed == Approx(0).margin(1e-6));
    REQUIRE(stages.error == Approx(0).margin(1e-5));
    REQUIRE(stages.recalled == 20);
}

TEST_CASE("A replay under coded rows attends over what the codes hold", "[core.engine]") {
    const Capture capture = randomCapture(smallSpec(), 40, 13);
    const RtnParams rtn{.bits = 2, .group = 32};
    const AttentionPlan plan{.store = rtn};
    const HeadMap map = replayHead(capture, 40, 1, 3, plan, 10, kNever);
    const auto rows = [&](const float* from, std::int64_t n) {
        return rtnTruth(at::from_blob(const_cast<float*>(from), {n, 16}, at::kFloat), rtn, RtnScale::Held);
    };
    for (const std::int64_t query : {0, 5, 39}) { // the prompt's too
        const at::Tensor K = rows(capture.k(1, 1), query + 1), V = rows(capture.v(1, 1), query + 1);
        const at::Tensor q = at::from_blob(const_cast<float*>(capture.q(1, 3)) + query * 16, {16}, at::kFloat);
        const at::Tensor weights = at::softmax(at::matmul(K, q) / 4, -1), output = at::matmul(weights, V);
        const QueryStages stages = replayQuery(capture, query, 1, 3, plan, 10);
        for (std::int64_t key = 0; key <= query; ++key)
            CHECK(map.weights[query * 40 + key] == Approx(weights[key].item<float>()).margin(1e-6));
        for (int c = 0; c < 16; ++c)
            CHECK(stages.output[c] == Approx(output[c].item<float>()).margin(1e-5));
        CHECK(stages.error > .05f);
        CHECK_FALSE(stages.sparse);
    }
}

TEST_CASE("A capture past its budget keeps the first layers and says what it left out", "[core.engine]") {
    ModelSpec spec = smallSpec();
    spec.layers = 10;
    const std::int64_t perLayer = 100 * 16 * (4 + 2 * 2) * 4;
    const Capture capture(spec, 100, 3 * perLayer + 1);
    REQUIRE(capture.layers() == 3);
    REQUIRE(capture.bytes() == 3 * perLayer);
    REQUIRE(capture.leftOut().find("layers 3 to 9 left out") != std::string::npos);
    REQUIRE(Capture(spec, 100, 10 * perLayer).leftOut().empty());
}

TEST_CASE("A head's summary finds a one-token column however small the thumbnail", "[core.engine]") {
    HeadMap map{.tokens = 300, .decodeFrom = 300, .actsFrom = 300};
    map.weights.assign(300 * 300, 0.f);
    map.missed.assign(300, 0.f);
    for (int i = 0; i < 300; ++i)
        map.weights[i * 300] = 1;
    map.weights[200 * 300 + 123] = 0.5f;
    const HeadSummary summary = summarise(map, 10);
    REQUIRE(summary.thumbnail[6 * 10 + 4] == 0.5f);
    REQUIRE(summary.sink == Approx(1));
}

} // namespace fovea
