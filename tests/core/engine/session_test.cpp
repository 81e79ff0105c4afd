#include "core/engine/session.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <limits>
#include <random>

#include "core/cache/kv_cache.h"
#include "core/engine/prefill.h"
#include "core/model/forward.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::difference;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;
using fovea::test::requireSame;

namespace {

std::vector<AttentionPlan> somePlans() {
    std::vector<AttentionPlan> plans(1);
    const auto add = [&](const Read& read) {
        plans.emplace_back();
        plans.back().read = read;
    };
    add(SparqParams{.components = 4, .tokens = 8});
    add(SparqParams{.components = 1, .tokens = 1, .local = 0});
    add(SparqParams{.components = 3, .tokens = 7, .local = 7, .alpha = false});
    add(SparqParams{.components = 8, .tokens = 100, .tau = false, .select = SparqParams::Select::Logits});
    add(SparqParams{
        .components = 2, .tokens = 20, .local = 1, .alpha = false, .select = SparqParams::Select::Logits});
    add(TopvParams{.tokens = 5});
    add(TopvParams{.tokens = 1, .renormalise = true});
    add(TopvParams{.tokens = 100});
    add(QuestParams{.page = 3, .pages = 2, .skip = 0});
    add(QuestParams{.page = 4, .pages = 1, .skip = 1});
    add(QuestParams{.page = 1, .pages = 6, .skip = 0});
    add(QuestParams{.page = 16, .pages = 100, .skip = 0});
    return plans;
}

const Store kStores[] = {OwnStore{}, ElementType::F32, ElementType::F16, ElementType::BF16, RtnParams{.bits = 3},
                         RtnParams{.bits = 8, .mode = RtnParams::Mode::Symmetric}};

} // namespace

TEST_CASE("Formula and counted are the same on every step, component, plan, store and backend",
          "[core.engine]") {
    const RandomShape shapes[] = {
        {.layers = 1, .queryHeads = 2, .kvHeads = 2, .headDim = 8},
        {.layers = 3, .queryHeads = 6, .kvHeads = 2, .headDim = 12, .type = ElementType::BF16, .tied = false},
        {.layers = 2, .queryHeads = 4, .kvHeads = 1, .headDim = 16, .type = ElementType::F16}};
    for (const RandomShape& shape : shapes) {
        const auto model = randomModel(shape);
        for (AttentionPlan plan : somePlans()) {
            for (const auto backend : {Backend::Cpu, Backend::Reference}) {
                for (const Store& store : kStores) {
                    plan.store = store;
                    INFO("plan " << toText(plan) << ", backend " << static_cast<int>(backend));
                    Session session(model, plan, {.backend = backend});
                    REQUIRE(session.prefill(randomTokens(5, shape.vocabulary), kGoOn));

                    const ElementType type = storedFloats(plan.store, shape.type);
                    const std::int64_t block = 256 * shape.headDim * elementBytes(type) *
                                               (std::holds_alternative<ReadAll>(plan.read) ? 2 : 4);
                    for (int i = 0; i < 6; ++i) {
                        const StepRecord step = session.step(i, i >= 3);
                        CHECK(step.position == 5 + i);
                        CHECK(step.fed == i);
                        CHECK(step.planned == (i >= 3));
                        requireSame(step.formula, step.counted);
                        REQUIRE(step.counted[Component::Weights] > 0);
                        requireSame(step.held.formula, step.held.counted);
                        REQUIRE(step.held.reserved >= step.held.counted.total());
                        REQUIRE(step.held.reserved <=
                                step.held.counted.total() + shape.layers * shape.kvHeads * block);
                        REQUIRE(step.seconds >= step.attentionSeconds);
                    }
                }
            }
        }
    }
}

TEST_CASE("The CPU backend gives the reference's logits", "[core.engine]") {
    const RandomShape shapes[] = {{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8},
                                  {.layers = 2,
                                   .queryHeads = 6,
                                   .kvHeads = 2,
                                   .headDim = 12,
                                   .type = ElementType::BF16,
                                   .tied = false}};
    for (const RandomShape& shape : shapes) {
        const auto model = randomModel(shape);
        for (AttentionPlan plan : somePlans()) {
            // In f32: a store that rounds would turn two last bits into two different rows.
            plan.store = ElementType::F32;
            INFO("plan " << toText(plan));
            Session cpu(model, plan, {.backend = Backend::Cpu});
            Session reference(model, plan, {.backend = Backend::Reference});
            const auto tokens = randomTokens(40, shape.vocabulary);
            const std::span<const int> all = tokens;
            REQUIRE(cpu.prefill(all.first(10), kGoOn));
            REQUIRE(reference.prefill(all.first(10), kGoOn));
            for (const int token : all.subspan(10)) {
                cpu.step(token, true);
                reference.step(token, true);
                REQUIRE(difference(cpu.logits(), reference.logits()) < 1e-4);
            }
        }
    }
}

TEST_CASE("A read that takes every token gives dense attention's logits on both backends", "[core.engine]") {
    const auto model = randomModel({.layers = 3, .queryHeads = 4, .kvHeads = 2, .headDim = 8});
    for (const char* text : {"read=topv:k=60", "read=topv:k=60,renormalise=on", "read=quest:page=4,pages=15,skip=0",
                             "read=quest:page=4,pages=1,skip=3"}) {
        for (const auto backend : {Backend::Cpu, Backend::Reference}) {
            INFO(text << ", backend " << static_cast<int>(backend));
            Session dense(model, {}, {.backend = backend}), sparse(model, parsePlan(text), {.backend = backend});
            for (const int token : randomTokens(60, 50)) {
                dense.step(token, true);
                sparse.step(token, true);
                REQUIRE(difference(sparse.logits(), dense.logits()) < 1e-5);
            }
        }
    }
}

TEST_CASE("Steps on a cache give what the whole sequence at once gives", "[core.engine]") {
    const auto model = randomModel({.context = 64});
    const auto tokens = randomTokens(40, 50);
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    const auto attention = [](int, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        return causalAttention(q, k, v);
    };
    const at::Tensor hidden = hiddenStates(*model, at::tensor(ids).unsqueeze(0), 0, attention, at::kFloat);
    const at::Tensor whole = logits(*model, hidden)[0].contiguous();

    for (const auto backend : {Backend::Cpu, Backend::Reference}) {
        Session session(model, {}, {.backend = backend});
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            session.step(tokens[i], true);
            const at::Tensor row = whole[static_cast<std::int64_t>(i)];
            REQUIRE(difference(session.logits(), {row.data_ptr<float>(), 50}) < 1e-4);
        }
    }
}

TEST_CASE("A prompt prefilled in chunks and one stepped through leave the same cache", "[core.engine]") {
    // Longer than two chunks, in a store that rounds, so that only attention to the rows as stored agrees.
    const auto model = randomModel({.context = 400});
    const auto tokens = randomTokens(2 * kPrefillChunk + 9, 50);
    AttentionPlan plan;
    plan.store = ElementType::BF16;

    Session atOnce(model, plan, {}), inTwo(model, plan, {}), stepped(model, plan, {});
    const std::span<const int> all = tokens;
    REQUIRE(atOnce.prefill(all, kGoOn));
    REQUIRE(inTwo.prefill(all.first(50), kGoOn));
    REQUIRE(inTwo.prefill(all.subspan(50), kGoOn));
    for (const int token : all)
        stepped.step(token, true);
    for (Session* session : {&atOnce, &inTwo, &stepped}) {
        CHECK(session->tokens() == std::ssize(tokens));
        session->step(7, true);
    }
    // Rows may round differently where two paths differ in their last bit.
    CHECK(difference(atOnce.logits(), inTwo.logits()) < 1e-2);
    CHECK(difference(atOnce.logits(), stepped.logits()) < 1e-2);

    Session f32(model, {}, {}), f32Stepped(model, {}, {});
    REQUIRE(f32.prefill(all, kGoOn));
    for (const int token : all)
        f32Stepped.step(token, true);
    f32.step(7, true);
    f32Stepped.step(7, true);
    CHECK(difference(f32.logits(), f32Stepped.logits()) < 1e-4);
}

TEST_CASE("In prefill a value that overflowed cannot reach the tokens before it", "[core.engine]") {
    const int G = 2, d = 4, T = 5;
    KvCache cache({.layers = 1, .kvHeads = G, .headDim = d, .type = ElementType::F16, .slotsPerBlock = 4});
    const at::Tensor k = at::randn({T, G, d}), v = at::randn({T, G, d});
    v[3].fill_(1e6); // beyond f16
    Ledger ledger;
    for (int t = 0; t < T; ++t)
        cache.append(0, t, k[t].data_ptr<float>(), v[t].data_ptr<float>(), ledger);
    const at::Tensor y = cachedAttention(at::randn({1, 4, T, d}), cache, 0);
    CHECK(y.narrow(2, 0, 3).isfinite().all().item<bool>());
    CHECK(y.narrow(2, 3, 2).isinf().all().item<bool>());
}

TEST_CASE("SparQ that reads everything is dense, step by step", "[core.engine]") {
    const auto model = randomModel();
    AttentionPlan everything;
    everything.read = SparqParams{.components = 8, .tokens = 96, .alpha = false};
    for (const auto backend : {Backend::Cpu, Backend::Reference}) {
        Session dense(model, {}, {.backend = backend}), sparse(model, everything, {.backend = backend});
        for (const int token : randomTokens(60, 50)) {
            dense.step(token, true);
            sparse.step(token, true);
            REQUIRE(difference(sparse.logits(), dense.logits()) < 1e-5);
        }
    }
}

TEST_CASE("Before decode-from a sparse plan reads dense and keeps its copy up to date", "[core.engine]") {
    const auto model = randomModel();
    AttentionPlan sparse;
    sparse.read = SparqParams{.components = 2, .tokens = 4};
    Session dense(model, {}, {}), late(model, sparse, {}),
        reference(model, sparse, {.backend = Backend::Reference});
    const auto tokens = randomTokens(40, 50);
    for (int i = 0; i < 30; ++i) {
        const int token = tokens[static_cast<std::size_t>(i)];
        dense.step(token, true);
        late.step(token, false);
        reference.step(token, false);
        REQUIRE(difference(late.logits(), dense.logits()) == 0);
    }
    for (int i = 30; i < 40; ++i) {
        const int token = tokens[static_cast<std::size_t>(i)];
        dense.step(token, true);
        late.step(token, true);
        reference.step(token, true);
        CHECK(difference(late.logits(), dense.logits()) > 1e-3); // four tokens of thirty are not all
        REQUIRE(difference(late.logits(), reference.logits()) < 1e-4);
    }
}

TEST_CASE("A store that rounds changes the logits a little", "[core.engine]") {
    const auto model = randomModel();
    Session own(model, {}, {});
    for (const ElementType type : {ElementType::F16, ElementType::BF16}) {
        AttentionPlan plan;
        plan.store = type;
        Session first(model, {}, {}), rounded(model, plan, {});
        for (const int token : randomTokens(20, 50)) {
            first.step(token, true);
            rounded.step(token, true);
        }
        CHECK(difference(rounded.logits(), first.logits()) > 0);
        CHECK(difference(rounded.logits(), first.logits()) < .1);
    }
}

TEST_CASE("A session captures the same q, k and v in prefill, in steps, and on both backends",
          "[core.engine]") {
    const auto model = randomModel();
    const auto tokens = randomTokens(30, 50);
    const std::span<const int> all = tokens;
    const auto captured = [&](Backend backend, std::size_t prefilled) {
        Session session(model, {}, {.backend = backend, .captureBudget = 1 << 24});
        REQUIRE(session.prefill(all.first(prefilled), kGoOn));
        for (const int token : all.subspan(prefilled))
            session.step(token, true);
        return session.capture();
    };
    const auto prefilled = captured(Backend::Cpu, 29), stepped = captured(Backend::Cpu, 0),
               reference = captured(Backend::Reference, 11);
    REQUIRE(prefilled->layers() == 2);
    for (const auto& other : {stepped, reference})
        for (int layer = 0; layer < 2; ++layer)
            for (int head = 0; head < 4; ++head) {
                CHECK(difference({other->q(layer, head), 30 * 8}, {prefilled->q(layer, head), 30 * 8}) <
                      1e-4);
                CHECK(difference({other->k(layer, head / 2), 30 * 8},
                                 {prefilled->k(layer, head / 2), 30 * 8}) < 1e-4);
                CHECK(difference({other->v(layer, head / 2), 30 * 8},
                                 {prefilled->v(layer, head / 2), 30 * 8}) < 1e-4);
            }
    CHECK(Session(model, {}, {}).capture() == nullptr);
}

TEST_CASE("A session refuses what it cannot run, and is none the worse", "[core.engine]") {
    const auto model = randomModel({.context = 8});
    AttentionPlan wide;
    wide.read = SparqParams{.components = 9};
    CHECK_THROWS_AS(Session(model, wide, {}), PlanError);

    Session session(model, {}, {});
    CHECK_THROWS_AS(session.step(50, true), EngineError);
    CHECK_THROWS_AS(session.step(-1, true), EngineError);
    CHECK_THROWS_AS(session.prefill(std::vector<int>(9, 1), kGoOn), EngineError);
    CHECK_THROWS_AS(session.prefill(std::vector<int>{1, 50}, kGoOn), EngineError);
    CHECK(session.tokens() == 0);
    REQUIRE(session.prefill(std::vector<int>(7, 1), kGoOn));
    session.step(1, true);
    CHECK_THROWS_AS(session.step(1, true), EngineError);
    CHECK(session.tokens() == 8);
    CHECK_THROWS_AS(Session(model, {}, {.capacity = 3}).prefill(std::vector<int>(4, 1), kGoOn), EngineError);
}

TEST_CASE("A cancelled prefill says so", "[core.engine]") {
    const std::atomic<bool> cancelled = true;
    Session session(randomModel(), {}, {});
    CHECK_FALSE(session.prefill(std::vector<int>(4, 1), cancelled));
}
