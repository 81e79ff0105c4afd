// A replay of a keep that scores tokens, against runs that did it.

#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <random>

#include "core/engine/capture.h"
#include "core/engine/capture_reader.h"
#include "core/engine/replay.h"
#include "core/engine/session.h"
#include "tests/core/engine/scored_oracle.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;
using fovea::test::Oracle;
using fovea::test::randomModel;

namespace {

const std::atomic<bool> kGoOn = false;

constexpr const char* kPlans[] = {
    "keep=h2o:heavy=6,recent=5",
    "keep=h2o:heavy=0,recent=1",
    "keep=h2o:heavy=20%,recent=20%",
    "keep=scissorhands:budget=14,history=20,recent=3",
    "keep=snapkv:budget=12,window=5",
    "keep=h2o:heavy=8,recent=8 read=sparq:r=4,k=6",
    "keep=h2o:heavy=8,recent=8 read=sparq:r=4,k=6,alpha=off feedback=estimate",
    "keep=scissorhands:budget=14,history=20,recent=3 read=sparq:r=4,k=6",
    "keep=h2o:heavy=8,recent=8 read=topv:k=6",
    "keep=h2o:heavy=8,recent=8 read=quest:page=3,pages=3,skip=0",
    "keep=scissorhands:budget=14,history=20,recent=3 read=quest:page=4,pages=2,skip=0",
};

std::vector<int> randomTokens(std::int64_t n) {
    std::mt19937 random(5);
    std::vector<int> tokens;
    for (std::int64_t i = 0; i < n; ++i)
        tokens.push_back(static_cast<int>(random() % 50));
    return tokens;
}

// By key, the first query that does not see it; `tokens`: none.
std::vector<std::int64_t> goneIn(const Session& session, int head, std::int64_t tokens, int layer = 0) {
    std::vector<std::int64_t> gone(static_cast<std::size_t>(tokens), tokens);
    for (const SlotEvent& event : session.slots().of(layer, head))
        if (event.kind == SlotEvent::Kind::Evicted)
            gone[static_cast<std::size_t>(event.position)] = event.at;
    return gone;
}

} // namespace

// What the first layer is asked does not depend on the plan, so there the replay is the run itself.
TEST_CASE("A replay drops in the first layer what the run dropped", "[core.engine]") {
    constexpr std::int64_t kTokens = 80;
    const auto tokens = randomTokens(kTokens);
    const std::span<const int> all = tokens;
    for (const int window : {0, 30}) {
        const auto model = std::const_pointer_cast<Model>(randomModel({.layers = 1}));
        model->spec.layerSpecs = {{.window = window, .rope = {}}};
        for (const char* text : kPlans)
            for (const std::int64_t decodeFrom : {0, 1, 40}) {
                const AttentionPlan plan = parsePlan(text);
                Session session(model, plan, {.captureBudget = 1 << 24, .recordSlots = true});
                const std::int64_t prefilled = std::max<std::int64_t>(0, decodeFrom - 1);
                REQUIRE(session.prefill(all.first(static_cast<std::size_t>(prefilled)), kGoOn));
                for (std::int64_t p = prefilled; p < kTokens; ++p)
                    session.step(tokens[static_cast<std::size_t>(p)], p >= decodeFrom);
                for (int head = 0; head < 4; ++head) {
                    INFO(text << ", window " << window << ", from " << decodeFrom << ", head " << head);
                    const HeadMap map =
                        replayHead(*session.capture(), kTokens, 0, head, plan, decodeFrom, kGoOn);
                    std::vector<std::int64_t> gone = map.gone;
                    for (std::int64_t& at :
                         gone) // within a chunk of prefill what is out of the window still lies there
                        at = std::max(at, prefilled);
                    REQUIRE(gone == goneIn(session, head / 2, kTokens));
                }
            }
    }
}

// A run's own capture has what all layers asked, so there its replay is the run itself in every layer.
TEST_CASE("Layers that share a cache drop from it what all their queries rank lowest, in the run, its replay "
          "and loops",
          "[core.engine]") {
    constexpr std::int64_t kTokens = 70, kFrom = 30;
    const auto tokens = randomTokens(kTokens);
    const std::span<const int> all = tokens;
    const auto model = randomModel({.layers = 3});
    for (const char* text : kPlans)
        for (const char* share : {"share=cla:3 ", "share=layers:0_1_0 "}) {
            const AttentionPlan plan = parsePlan(std::string(share) + text);
            Session session(model, plan, {.captureBudget = 1 << 24, .recordSlots = true});
            REQUIRE(session.prefill(all.first(kFrom - 1), kGoOn));
            for (std::int64_t p = kFrom - 1; p < kTokens; ++p)
                session.step(tokens[static_cast<std::size_t>(p)], p >= kFrom);
            const Capture& capture = *session.capture();
            for (int layer = 0; layer < 3; ++layer)
                for (int kvHead = 0; kvHead < 2; ++kvHead) {
                    INFO(share << text << ", layer " << layer << ", KV head " << kvHead);
                    const auto gone = goneIn(session, kvHead, kTokens, layer);
                    REQUIRE(replayHead(capture, kTokens, layer, 2 * kvHead, plan, kFrom, kGoOn).gone == gone);
                    if (!std::holds_alternative<ReadAll>(plan.read))
                        continue;
                    std::vector<at::Tensor> heads; // of all layers that read these rows, as one group
                    for (const int reader : kvReaders(capture.spec(), layer))
                        for (int h = 2 * kvHead; h < 2 * kvHead + 2; ++h)
                            heads.push_back(capturedRows(capture.q(reader, h), kTokens, capture.headDim()));
                    Oracle oracle(plan, 0, kFrom);
                    oracle.read(at::stack(heads),
                                capturedRows(capture.k(layer, kvHead), kTokens, capture.headDim()),
                                capturedRows(capture.v(layer, kvHead), kTokens, capture.headDim()));
                    REQUIRE(oracle.gone() == gone);
                }
        }
}

TEST_CASE("Every replayed row of a scored keep is what its query still sees and reads", "[core.engine]") {
    constexpr std::int64_t kTokens = 60;
    const auto model = randomModel({.layers = 1});
    Session session(model, {}, {.captureBudget = 1 << 24, .recordSlots = true});
    for (const int token : randomTokens(kTokens))
        session.step(token, true);
    for (const char* text : kPlans) {
        const AttentionPlan plan = parsePlan(text);
        const HeadMap map = replayHead(*session.capture(), kTokens, 0, 3, plan, 25, kGoOn);
        for (std::int64_t query = 0; query < kTokens; ++query) {
            INFO(text << ", query " << query);
            const QueryStages stages = replayQuery(*session.capture(), query, 0, 3, plan, 25);
            const auto row = [&](std::int64_t at) {
                return map.chosen.begin() + map.first[static_cast<std::size_t>(at)];
            };
            REQUIRE(std::vector<std::int32_t>(row(query), row(query + 1)) == stages.chosen);
            REQUIRE(map.missed[static_cast<std::size_t>(query)] == Approx(stages.missed).margin(1e-5));
            std::vector<std::int32_t> evicted;
            for (std::int64_t key = 0; key <= query; ++key)
                if (map.gone[static_cast<std::size_t>(key)] <= query)
                    evicted.push_back(static_cast<std::int32_t>(key));
            REQUIRE(stages.evicted == (stages.sparse ? evicted : std::vector<std::int32_t>{}));
            REQUIRE(stages.sparse == (query >= 25 && (!evicted.empty() || stages.guessed)));
        }
    }
}

TEST_CASE("A replay that is cancelled ends early", "[core.engine]") {
    const auto model = randomModel({.layers = 1});
    Session session(model, {}, {.captureBudget = 1 << 24, .recordSlots = true});
    for (const int token : randomTokens(50))
        session.step(token, true);
    const std::atomic<bool> cancelled = true;
    const HeadMap map =
        replayHead(*session.capture(), 50, 0, 0, parsePlan("keep=h2o:heavy=2,recent=2"), 10, cancelled);
    CHECK(std::all_of(map.gone.begin(), map.gone.end(), [](std::int64_t gone) { return gone == 50; }));
}
