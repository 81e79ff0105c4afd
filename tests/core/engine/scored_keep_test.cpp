// Keeps that score tokens, through both backends, against the whole text at once with nobody evicted but hidden; and
// every byte of what scoring costs.

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <algorithm>
#include <cmath>

#include "core/engine/session.h"
#include "core/methods/keep/scored_keep.h"
#include "tests/core/engine/scored_oracle.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::difference;
using fovea::test::expected;
using fovea::test::kBackends;
using fovea::test::kGoOn;
using fovea::test::kScored;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;
using fovea::test::requireSame;

namespace {

std::vector<SlotEvent> storyOf(const Session& session, int layer, int head) {
    const auto events = session.slots().of(layer, head);
    REQUIRE(!events.empty());
    return {events.begin(), events.end()};
}

} // namespace

TEST_CASE(
    "A cache that scores its tokens gives what the whole text gives with the same hidden, on both backends",
    "[core.engine]") {
    for (const RandomShape& shape : {RandomShape{.layers = 2, .queryHeads = 6, .kvHeads = 2, .headDim = 10},
                                     RandomShape{.layers = 1, .queryHeads = 4, .kvHeads = 1, .headDim = 8},
                                     RandomShape{.layers = 1, .queryHeads = 3, .kvHeads = 3, .headDim = 6}}) {
        const auto model = randomModel(shape);
        const auto tokens = randomTokens(60);
        const std::span<const int> all = tokens;
        for (const char* text : kScored) {
            const AttentionPlan plan = parsePlan(text);
            for (const std::int64_t decodeFrom : {0, 1, 36}) {
                const at::Tensor whole = expected(*model, plan, all, decodeFrom);
                Session cpu(model, plan, {.backend = Backend::Cpu, .recordSlots = true});
                Session reference(model, plan, {.backend = Backend::Reference, .recordSlots = true});
                const std::int64_t prefilled = std::max<std::int64_t>(0, decodeFrom - 3);
                for (Session* session : {&cpu, &reference}) {
                    INFO(text << ", from " << decodeFrom << (session == &cpu ? ", cpu" : ", reference"));
                    REQUIRE(session->prefill(all.first(static_cast<std::size_t>(prefilled)), kGoOn));
                    for (std::int64_t p = prefilled; p < std::ssize(tokens); ++p) {
                        INFO("at " << p);
                        const StepRecord step =
                            session->step(tokens[static_cast<std::size_t>(p)], p >= decodeFrom);
                        const at::Tensor row = whole[p];
                        REQUIRE(difference(session->logits(), {row.data_ptr<float>(), 50}) < 2e-4);
                        requireSame(step.formula, step.counted);
                        requireSame(step.held.formula, step.held.counted);
                    }
                }
                for (int layer = 0; layer < shape.layers; ++layer)
                    for (int head = 0; head < shape.kvHeads; ++head)
                        REQUIRE((storyOf(cpu, layer, head) == storyOf(reference, layer, head)));
            }
        }
    }
}

TEST_CASE("A scored keep within a model's own sliding window, in prefill too", "[core.engine]") {
    const RandomShape shape{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8, .context = 400};
    const auto model = std::const_pointer_cast<Model>(randomModel(shape));
    model->spec.layerSpecs = {{.window = 12, .rope = {}}, {.window = 0, .rope = {}}};
    // Longer than a chunk of prefill, so that its second one reuses slots.
    const auto tokens = randomTokens(175);
    const std::span<const int> all = tokens;
    for (const char* text :
         {"keep=h2o:heavy=4,recent=3", "keep=h2o:heavy=4,recent=7", "keep=h2o:heavy=9,recent=9",
          "keep=scissorhands:budget=7,history=20,recent=2,drop=3",
          "keep=scissorhands:budget=30,history=20,recent=2", "keep=snapkv:budget=9,window=5"}) {
        const AttentionPlan plan = parsePlan(text);
        const at::Tensor whole = expected(*model, plan, all, 150);
        for (const Backend backend : kBackends) {
            INFO(text << ", backend " << static_cast<int>(backend));
            Session session(model, plan, {.backend = backend});
            REQUIRE(session.prefill(all.first(145), kGoOn));
            for (std::int64_t p = 145; p < std::ssize(tokens); ++p) {
                const StepRecord step = session.step(tokens[static_cast<std::size_t>(p)], p >= 150);
                const at::Tensor row = whole[p];
                REQUIRE(difference(session.logits(), {row.data_ptr<float>(), 50}) < 2e-4);
                requireSame(step.formula, step.counted);
                requireSame(step.held.formula, step.held.counted);
                std::int64_t kept = 0;
                for (int layer = 0; layer < 2; ++layer)
                    kept += rowsSeen(plan, model->spec.window(layer), p >= 150, 150, p + 1) - 1;
                REQUIRE(step.liveSlots == kept * 2);
            }
        }
    }
}

TEST_CASE("Both backends drop the same under SparQ, whatever it tells", "[core.engine]") {
    const auto model = randomModel({.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8});
    for (const char* text :
         {"keep=h2o:heavy=9,recent=8 read=sparq:r=4,k=8",
          "keep=h2o:heavy=9,recent=8 read=sparq:r=4,k=8 feedback=estimate",
          "keep=h2o:heavy=5,recent=3 read=sparq:r=3,k=5,local=0,alpha=off,select=logits",
          "keep=scissorhands:budget=19,history=30,recent=2 read=sparq:r=4,k=7",
          "keep=scissorhands:budget=19,history=30,recent=2 read=sparq:r=2,k=7,alpha=off feedback=estimate",
          "keep=snapkv:budget=16,window=8 read=sparq:r=4,k=8"}) {
        INFO(text);
        const AttentionPlan plan = parsePlan(text);
        Session cpu(model, plan, {.recordSlots = true}),
            reference(model, plan, {.backend = Backend::Reference, .recordSlots = true});
        const auto tokens = randomTokens(90);
        const std::span<const int> all = tokens;
        REQUIRE(cpu.prefill(all.first(30), kGoOn));
        REQUIRE(reference.prefill(all.first(30), kGoOn));
        for (const int token : all.subspan(30)) {
            cpu.step(token, true);
            reference.step(token, true);
            REQUIRE(difference(cpu.logits(), reference.logits()) < 1e-4);
        }
        for (int layer = 0; layer < 2; ++layer)
            for (int head = 0; head < 2; ++head)
                REQUIRE((storyOf(cpu, layer, head) == storyOf(reference, layer, head)));
    }
}

TEST_CASE("A read that reads everything live tells a keep what dense does", "[core.engine]") {
    const auto model = randomModel();
    for (const char* keep : {"keep=h2o:heavy=6,recent=6", "keep=scissorhands:budget=12,history=20,recent=2"})
        for (const char* feedback : {" feedback=exact", " feedback=estimate"})
            for (const Backend backend : kBackends) {
                INFO(keep << feedback << ", backend " << static_cast<int>(backend));
                Session one(model, parsePlan(keep), {.backend = backend, .recordSlots = true}),
                    two(model,
                        parsePlan(std::string(keep) + " read=sparq:r=8,k=999,tau=off,alpha=off" + feedback),
                        {.backend = backend, .recordSlots = true});
                for (const int token : randomTokens(60)) {
                    one.step(token, true);
                    two.step(token, true);
                    REQUIRE(difference(two.logits(), one.logits()) < 1e-5);
                }
                CHECK((storyOf(one, 1, 1) == storyOf(two, 1, 1)));
            }
}

namespace {

// The positions that are left in the first head of the first layer.
std::vector<std::int64_t> left(const Session& session) {
    std::vector<std::int64_t> there;
    for (const SlotEvent& event : session.slots().of(0, 0)) {
        if (event.kind == SlotEvent::Kind::Born)
            there.push_back(event.position);
        if (event.kind == SlotEvent::Kind::Evicted)
            std::erase(there, event.position);
    }
    return there;
}

} // namespace

TEST_CASE("Where all scores are equal, what is left follows from the counting alone", "[core.engine]") {
    // No query asks anything: every weight is 1/S.
    const auto model = randomModel({.headDim = 8});
    for (const LayerWeights& layer : model->layers)
        layer.query.weight.stored().fill_(0);
    const auto after = [&](const char* plan, Backend backend) {
        Session session(model, parsePlan(plan), {.backend = backend, .recordSlots = true});
        for (const int token : randomTokens(40))
            session.step(token, session.tokens() >= 20);
        return left(session);
    };
    for (const Backend backend : kBackends) {
        // The older a token, the more it got: H2O keeps the first, and the newest leaves at once unless it is kept.
        CHECK(after("keep=h2o:heavy=4,recent=0", backend) == std::vector<std::int64_t>{0, 1, 2, 3});
        CHECK(after("keep=h2o:heavy=2,recent=2", backend) == std::vector<std::int64_t>{0, 1, 38, 39});
        // Nobody is below the uniform weight: the oldest leave.
        CHECK(after("keep=scissorhands:budget=4,recent=0,drop=1", backend) ==
              std::vector<std::int64_t>{36, 37, 38, 39});
        // Nor is one token better than another, but next to the end fewer lend their votes.
        CHECK(after("keep=snapkv:budget=4,window=2,pool=1", backend).size() == 24);
    }
}

TEST_CASE("Everything but the least leaves, and one token is a text", "[core.engine]") {
    const auto model = randomModel();
    for (const char* text :
         {"keep=h2o:heavy=0,recent=1", "keep=h2o:heavy=1,recent=0", "keep=h2o:heavy=1%,recent=1%",
          "keep=scissorhands:budget=1,recent=0", "keep=snapkv:budget=1,window=1,pool=1"})
        for (const Backend backend : kBackends)
            for (const int prompt : {0, 1, 30}) {
                INFO(text << ", prompt " << prompt);
                Session session(model, parsePlan(text), {.backend = backend});
                REQUIRE(session.prefill(randomTokens(prompt), kGoOn));
                const StepRecord step = session.step(7, true);
                requireSame(step.formula, step.counted);
                const bool everything = std::string(text).find("scissor") != std::string::npos && prompt > 0;
                const bool snap = std::string(text).find("snapkv") != std::string::npos && prompt > 0;
                CHECK(step.liveSlots == (everything ? 1 : snap ? 2 : 1) * 2 * 2);
                CHECK(std::all_of(session.logits().begin(), session.logits().end(),
                                  [](float x) { return std::isfinite(x); }));
            }
}

TEST_CASE("A token that makes weights no numbers is forgotten, and the scores are not lost with it",
          "[core.engine]") {
    // Token 7 alone has a first component, which the first layer's K and V make too large for f16.
    const auto model = randomModel({.headDim = 8});
    const at::Tensor embedding = model->embedding.stored();
    embedding.select(1, 0).fill_(0);
    embedding[7].fill_(0);
    embedding[7][0] = 1;
    model->layers[0].key.weight.stored().select(1, 0).fill_(1e6);
    model->layers[0].value.weight.stored().select(1, 0).fill_(1e6);
    for (const char* text :
         {"keep=h2o:heavy=1,recent=3 store=f16", "keep=h2o:heavy=1,recent=3 store=f16 read=sparq:r=4,k=3",
          "keep=scissorhands:budget=6,history=4,recent=2,drop=2 store=f16"})
        for (const Backend backend : kBackends) {
            INFO(text << ", backend " << static_cast<int>(backend));
            Session session(model, parsePlan(text), {.backend = backend, .recordSlots = true});
            auto tokens = randomTokens(60, 7);
            tokens[5] = 7;
            for (const int token : tokens) {
                const StepRecord step = session.step(token, true);
                requireSame(step.formula, step.counted);
            }
            const auto there = left(session);
            CHECK(std::find(there.begin(), there.end(), 5) == there.end());
            CHECK(std::all_of(session.logits().begin(), session.logits().end(),
                              [](float x) { return std::isfinite(x); }));
        }
}
