#include "core/methods/predict.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <catch2/catch.hpp>

#include "core/methods/read/dense.h"
#include "core/methods/read/quest_stages.h"
#include "core/methods/read/sparq_stages.h"
#include "core/methods/read/topv_stages.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "tests/support/counting_reader.h"
#include "tests/support/dice.h"
#include "tests/support/tensor_reader.h"

using namespace fovea;
using fovea::test::CountingReader;
using fovea::test::Dice;
using fovea::test::TensorReader;

namespace {

Traffic of(Component component, std::int64_t bytes) {
    Traffic t;
    t[component] = bytes;
    return t;
}

// What the truth touched of one KV head, the current token's writes added by hand: a reader cannot see them.
Traffic countTruth(const AttentionPlan& plan, const StepShape& shape) {
    const std::int64_t S = shape.tokens, d = shape.headDim, row = d * elementBytes(shape.store);
    TensorReader cache(at::randn({S, d}), at::randn({S, d}));
    CountingReader counting(cache, shape.store);
    const auto q = at::randn({shape.group(), d});

    Traffic counted;
    counted += of(Component::Keys, row);
    counted += of(Component::Values, row);
    const auto* sparq = std::get_if<SparqParams>(&plan.read);
    if (sparq) {
        counted += of(Component::KeyColumns, row);
        if (sparq->alpha)
            counted += of(Component::Mean, 2 * d * 4);
    }
    const auto* topv = std::get_if<TopvParams>(&plan.read);
    const auto* quest = std::get_if<QuestParams>(&plan.read);
    const bool paged = quest && shape.layer >= quest->skip;
    if (paged) // the first row of a page becomes its bounds, another reads them first
        counted += of(Component::Bounds, ((S - 1) % quest->page == 0 ? 2 : 4) * row);
    if (sparq && shape.planned) {
        const SparqStages stages = sparqTruth(*sparq, q, counting);
        counted += of(Component::Scores, 2 * 4 * stages.approximate.numel());
        counted += of(Component::Indices, 2 * 4 * stages.slots.numel());
    } else if (topv && shape.planned) {
        const TopvStages stages = topvTruth(*topv, q, counting, {});
        counted += of(Component::Scores, 4 * (2 * stages.logits.numel() + stages.weights.numel()));
        counted += of(Component::Indices, 2 * 4 * stages.slots.numel());
    } else if (paged && shape.planned) {
        const QuestStages stages = questTruth(*quest, q, counting);
        counted += of(Component::Scores, 4 * (2 * stages.scores.size(-1) - 1));
        counted += of(Component::Indices, 2 * 4 * (stages.pages.numel() + stages.slots.numel()));
    } else {
        denseTruth(q, counting);
    }
    counted += counting.counted();
    return counted;
}

} // namespace

TEST_CASE("The formula is what the truths touch, component by component", "[core.methods]") {
    Dice dice;
    for (int trial = 0; trial < 600; ++trial) {
        StepShape shape = dice.shape(90);
        AttentionPlan plan;
        if (trial % 4 != 0)
            plan.read = dice.sparse(shape.headDim, 100);
        shape.layer = dice.between(0, 2);
        shape.planned = dice.coin();
        // Every KV head of a layer does the same.
        const Traffic counted = countTruth(plan, shape) * shape.kvHeads;
        const Traffic formula = predictMoved(plan, shape);
        for (int c = 0; c < kComponents; ++c) {
            INFO("trial " << trial << ", component " << kComponentNames[static_cast<std::size_t>(c)]);
            REQUIRE(formula[static_cast<Component>(c)] == counted[static_cast<Component>(c)]);
        }
    }
}

TEST_CASE("Moved bytes of a worked example", "[core.methods]") {
    // S = 100, d = 16, H = 8, G = 2 (g = 4), bf16: a row is 32 bytes.
    StepShape shape{.tokens = 100, .queryHeads = 8, .kvHeads = 2, .headDim = 16, .store = ElementType::BF16};
    AttentionPlan plan;
    Traffic dense;
    dense[Component::Keys] = dense[Component::Values] = 2 * (3200 + 32);
    CHECK(predictMoved(plan, shape) == dense);

    plan.read = SparqParams{.components = 4, .tokens = 10};
    Traffic sparq;
    sparq[Component::KeyColumns] = 2 * (100 * 4 * 2 + 32);
    sparq[Component::Scores] = 2 * (2 * 4 * 100 * 4);
    sparq[Component::Indices] = 2 * (2 * 4 * 10);
    sparq[Component::Keys] = sparq[Component::Values] = 2 * (10 * 32 + 32);
    sparq[Component::Mean] = 2 * (12 * 16);
    CHECK(predictMoved(plan, shape) == sparq);

    // Before decode-from: dense, and the copy and the sum are written.
    shape.planned = false;
    Traffic before = dense;
    before[Component::KeyColumns] = 2 * 32;
    before[Component::Mean] = 2 * (8 * 16);
    CHECK(predictMoved(plan, shape) == before);
}

TEST_CASE("Moved and held bytes of a worked example of top-k V and of Quest", "[core.methods]") {
    // S = 100, d = 16, H = 8, G = 2 (g = 4), bf16: a row is 32 bytes.
    StepShape shape{.tokens = 100, .queryHeads = 8, .kvHeads = 2, .headDim = 16, .store = ElementType::BF16};
    shape.layer = 2;
    AttentionPlan plan;
    const Traffic dense = predictMoved(plan, shape), denseHeld = predictHeld(plan, shape);

    plan.read = TopvParams{.tokens = 10};
    Traffic topv;
    topv[Component::Keys] = 2 * (100 * 32 + 32);
    topv[Component::Values] = 2 * (10 * 32 + 32);
    topv[Component::Scores] = 2 * 4 * (2 * 100 * 4 + 10 * 4);
    topv[Component::Indices] = 2 * (2 * 4 * 10);
    CHECK(predictMoved(plan, shape) == topv);
    CHECK(predictHeld(plan, shape) == denseHeld);

    // 7 pages, the last of 4 rows; 3 of them are read: 36 rows.
    plan.read = QuestParams{.page = 16, .pages = 3};
    Traffic quest;
    quest[Component::Bounds] = 2 * (7 * 64 + 128);
    quest[Component::Scores] = 2 * 4 * (7 + 6);
    quest[Component::Indices] = 2 * 2 * 4 * (3 + 36);
    quest[Component::Keys] = quest[Component::Values] = 2 * (36 * 32 + 32);
    CHECK(predictMoved(plan, shape) == quest);
    CHECK(predictHeld(plan, shape)[Component::Bounds] == 2 * 7 * 64);

    // One of the two heads passed the short page over, and a row began a page of its own.
    shape.lastPages = 1;
    shape.pagesBegun = 1;
    quest[Component::Keys] = quest[Component::Values] = (36 + 48 + 2) * 32;
    quest[Component::Indices] = 2 * 4 * (2 * 3 + 36 + 48);
    quest[Component::Bounds] -= 64;
    CHECK(predictMoved(plan, shape) == quest);
    // A free slot before a live one: 96 rows lie in 97 slots, which are 7 pages, where 96 would be 6.
    shape.tokens = 96;
    CHECK(predictHeld(plan, shape)[Component::Bounds] == 2 * 6 * 64);
    shape.holes = 1;
    CHECK(predictHeld(plan, shape)[Component::Bounds] == (6 + 7) * 64);

    // In the first layers, and before decode-from: dense; the bounds are written in those that have them.
    shape.tokens = 100;
    shape.holes = 0;
    shape.layer = 1;
    CHECK(predictMoved(plan, shape) == dense);
    CHECK(predictHeld(plan, shape) == denseHeld);
    shape.layer = 2;
    shape.planned = false;
    CHECK(predictMoved(plan, shape)[Component::Bounds] == 2 * 128 - 64);
    CHECK(predictMoved(plan, shape)[Component::Keys] == dense[Component::Keys]);
}

TEST_CASE("What layers that share a cache cost, worked out: bounds for a later reader, ranks of all readers",
          "[core.methods]") {
    // S = 100, d = 16, H = 8, G = 2 (g = 4), bf16: a row is 32 bytes. Layers 0, 1 and 2 read the KV of layer 0.
    const int readers[] = {0, 1, 2};
    StepShape shape{.tokens = 100, .queryHeads = 8, .kvHeads = 2, .headDim = 16, .store = ElementType::BF16};
    shape.readers = readers;
    AttentionPlan plan;
    const Traffic dense = predictMoved(plan, shape), held = predictHeld(plan, shape);
    plan.read = QuestParams{.page = 16, .pages = 3, .skip = 2};
    Traffic bounded = dense; // read dense, but layer 2 will want them
    bounded[Component::Bounds] = 2 * 128;
    CHECK(predictMoved(plan, shape) == bounded);
    CHECK(predictHeld(plan, shape)[Component::Bounds] == 2 * 7 * 64);
    plan.read = QuestParams{.page = 16, .pages = 3, .skip = 3};
    CHECK(predictMoved(plan, shape) == dense);
    CHECK(predictHeld(plan, shape) == held);
    shape.ownsKv = false;
    shape.layer = 2;
    plan.read = QuestParams{.page = 16, .pages = 3, .skip = 2};
    CHECK(predictMoved(plan, shape)[Component::Bounds] == 2 * 7 * 64);
    CHECK(predictMoved(plan, shape)[Component::Keys] == 2 * 36 * 32);
    CHECK(predictHeld(plan, shape) == Traffic{});

    // 20 rows seen. Every layer spills its logits; the owner clears a score and ranks, all add to the scores.
    plan = parsePlan("keep=h2o:heavy=10,recent=9");
    const std::int64_t spilled = 2 * 8 * 4 * 20;
    CHECK(predictMoved(plan, shape)[Component::Scores] == spilled + 2 * 8 * 20);
    shape.ownsKv = true;
    shape.layer = 0;
    CHECK(predictMoved(plan, shape)[Component::Scores] == spilled + 2 * (4 + 8 * 20 + 4 * (20 - 9)));
    // Scissorhands sums the layers' weights until the last one has read.
    plan = parsePlan("keep=scissorhands:budget=19,history=32,recent=9,drop=1");
    CHECK(predictMoved(plan, shape)[Component::Scores] == spilled + 2 * (4 + 4 * 20 + 4 * (20 - 9)));
    shape.ownsKv = false;
    shape.layer = 1;
    CHECK(predictMoved(plan, shape)[Component::Scores] == spilled + 2 * 8 * 20);
    shape.layer = 2;
    CHECK(predictMoved(plan, shape)[Component::Scores] == spilled + 2 * 12 * 20);
    // SnapKV: every layer's last queries wait, and vote together with the owner's.
    plan = parsePlan("keep=snapkv:budget=20,window=4");
    shape.keeps = false;
    CHECK(predictHeld(plan, shape)[Component::Scores] == 4 * 4 * 8 * 16);
    shape.keeps = shape.takesOver = true;
    CHECK(predictMoved(plan, shape)[Component::Scores] == 0);
    shape.ownsKv = true;
    shape.layer = 0;
    CHECK(predictMoved(plan, shape)[Component::Scores] == 2 * (4 * 4 * 12 * 16 + 8 * 4 * 12 * 99 + 8 * 99));
}

TEST_CASE("A plan's store goes before the checkpoint's", "[core.methods]") {
    const StepShape shape{
        .tokens = 9, .queryHeads = 2, .kvHeads = 1, .headDim = 4, .store = ElementType::F32};
    AttentionPlan plan;
    const Traffic own = predictMoved(plan, shape), ownHeld = predictHeld(plan, shape);
    plan.store = ElementType::F16;
    CHECK(predictMoved(plan, shape) * 2 == own);
    CHECK(predictHeld(plan, shape) * 2 == ownHeld);
}

TEST_CASE("SparQ holds one and a half times dense, and a sum", "[core.methods]") {
    const StepShape shape{
        .tokens = 50, .queryHeads = 8, .kvHeads = 4, .headDim = 16, .store = ElementType::F16};
    AttentionPlan dense, sparq;
    sparq.read = SparqParams{};
    const Traffic d = predictHeld(dense, shape), s = predictHeld(sparq, shape);
    CHECK(d.total() == 2 * 50 * 16 * 2 * 4);
    CHECK(s.total() - s[Component::Mean] == d.total() * 3 / 2);
    CHECK(s[Component::Mean] == 4 * 16 * 4);

    sparq.read = SparqParams{.alpha = false};
    CHECK(predictHeld(sparq, shape)[Component::Mean] == 0);
}

TEST_CASE("Weights read per step: every parameter once, of the embedding one row", "[core.methods]") {
    ModelSpec spec;
    spec.layers = 3, spec.width = 8, spec.queryHeads = 4, spec.kvHeads = 2, spec.headDim = 2, spec.ffn = 20;
    spec.vocabulary = 50;
    spec.type = ElementType::BF16;
    // q, o 8·8; k, v 4·8; gate, up, down 20·8; two norms of 8.
    const std::int64_t layer = 2 * 64 + 2 * 32 + 3 * 160 + 16;
    CHECK(predictWeights(spec) == of(Component::Weights, 2 * (3 * layer + 8 + 8 + 50 * 8)));
}
