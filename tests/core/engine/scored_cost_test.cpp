// What keeps that score tokens cost: formula and counted, on every step.

#include "core/engine/memory_estimate.h"
#include "core/engine/session.h"
#include "core/methods/keep/scored_keep.h"
#include "tests/core/engine/scored_oracle.h"
#include "tests/support/dice.h"
#include "tests/support/random_model.h"
#include "tests/support/scored_plans.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::Dice;
using fovea::test::kBackends;
using fovea::test::kGoOn;
using fovea::test::kScored;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;
using fovea::test::requireSame;

TEST_CASE("What scoring costs is formula and counted alike, on every step, read and store", "[core.engine]") {
    constexpr const char* kReads[] = {
        "",
        " read=sparq:r=4,k=6",
        " read=sparq:r=4,k=6 feedback=estimate",
        " read=sparq:r=2,k=9,local=9,alpha=off",
        " read=sparq:r=3,k=7,local=0,alpha=off,select=logits store=f16 feedback=estimate",
        " read=sparq:r=3,k=900 store=bf16",
        " read=topv:k=6",
        " read=topv:k=900,renormalise=on store=f16",
        " read=quest:page=4,pages=2,skip=0",
        " read=quest:page=1,pages=5,skip=0 store=bf16",
        " store=bf16"};
    const RandomShape shape{
        .layers = 1, .queryHeads = 6, .kvHeads = 2, .headDim = 12, .type = ElementType::BF16, .tied = false};
    const auto model = randomModel(shape);
    for (const char* keep : kScored)
        for (const char* read : kReads) {
            const AttentionPlan plan = parsePlan(std::string(keep) + read);
            if (refusal(plan, model->spec))
                continue;
            const std::int64_t row = shape.headDim * elementBytes(storedFloats(plan.store, shape.type));
            const std::int64_t kinds =
                std::holds_alternative<ReadAll>(plan.read) ? 2 : 4; // or bounds, two rows a page
            const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep);
            const std::int64_t perSlot = kinds * row + (scissors ? 4 * scissors->words() : 4);
            const std::int64_t ring = 25 * 4 * shape.queryHeads * shape.headDim;
            for (const Backend backend : kBackends) {
                INFO("plan " << toText(plan) << ", backend " << static_cast<int>(backend));
                Session session(model, plan, {.backend = backend});
                REQUIRE(session.prefill(randomTokens(30), kGoOn));
                for (int i = 0; i < 24; ++i) {
                    // A step that is not planned again reads dense and is heard, but nothing that left comes back.
                    const StepRecord step = session.step(i, i >= 3 && i != 9);
                    INFO("step " << i);
                    requireSame(step.formula, step.counted);
                    requireSame(step.held.formula, step.held.counted);
                    const std::int64_t kept = rowsSeen(plan, 0, i >= 3, 33, step.position + 1) - 1;
                    REQUIRE(step.liveSlots == kept * shape.kvHeads);
                    REQUIRE(step.held.counted[Component::Keys] == step.liveSlots * row);
                    REQUIRE(step.held.reserved <=
                            step.held.counted.total() + 256 * perSlot * shape.kvHeads + (i < 3 ? ring : 0));
                }
            }
        }
}

TEST_CASE("What scoring costs is formula and counted alike over random shapes, windows and plans",
          "[core.engine]") {
    Dice dice;
    for (int trial = 0; trial < 200; ++trial) {
        RandomShape shape{
            .layers = dice.between(1, 4), .kvHeads = dice.between(1, 3), .headDim = 2 * dice.between(1, 9)};
        shape.queryHeads = shape.kvHeads * dice.between(1, 4);
        shape.type = static_cast<ElementType>(dice.between(0, 2));
        const auto model = std::const_pointer_cast<Model>(randomModel(shape));
        const bool shared = dice.coin();
        const int window = dice.coin() ? dice.between(1, 25) : 0;
        for (int layer = 0; layer < shape.layers; ++layer)
            model->spec.layerSpecs.push_back({.window = layer == 0 || shared ? window : 0, .rope = {}});
        AttentionPlan plan;
        if (shared)
            plan.share = dice.layerSources(shape.layers);
        plan.keep = fovea::test::randomScoredKeep(dice);
        if (dice.coin())
            plan.read = dice.sparse(shape.headDim, 20);
        plan.store = dice.store();
        if (dice.coin() && hearsReads(plan) && std::holds_alternative<SparqParams>(plan.read))
            plan.feedback = AttentionPlan::Feedback::Estimate;
        const int prompt = dice.between(0, 40);
        const Backend backend = kBackends[trial % 2];
        INFO("trial " << trial << ", plan " << toText(plan) << ", window " << window << ", prompt "
                      << prompt);
        REQUIRE_FALSE(refusal(plan, model->spec));
        Session session(model, plan, {.backend = backend});
        REQUIRE(session.prefill(randomTokens(prompt), kGoOn));
        for (int i = 0; i < 30; ++i) {
            const StepRecord step = session.step(i, i >= 2 && i != 20);
            INFO("step " << i);
            requireSame(step.formula, step.counted);
            requireSame(step.held.formula, step.held.counted);
        }
    }
}

TEST_CASE("What a scored keep reserves is foretold", "[core.engine]") {
    const auto model = randomModel({.context = 5000});
    for (const char* text : {"keep=h2o:heavy=30,recent=30", "keep=h2o:heavy=300,recent=300 store=bf16",
                             "keep=scissorhands:budget=300", "keep=snapkv:budget=200",
                             "share=cla:2 keep=scissorhands:budget=300", "share=cla:2 keep=snapkv:budget=200",
                             "share=cla:2 keep=h2o:heavy=30,recent=30 read=quest:skip=1"})
        for (const std::int64_t prompt : {3, 700})
            for (const std::int64_t tokens : {1, 500}) {
                INFO(text << ", " << tokens << " tokens after " << prompt);
                MemoryQuestion question;
                question.plans = {parsePlan(text)};
                question.prompt = prompt;
                question.tokens = tokens;
                GenerateOptions options;
                options.tokens = tokens;
                options.ignoreEnd = true;
                const Run run =
                    generate(model, question.plans.front(), randomTokens(prompt), options, {}, kGoOn);
                std::int64_t most = 0;
                for (const StepRecord& step : run.steps)
                    most = std::max(most, step.held.reserved);
                CHECK(estimateMemory(model->spec, question).cache >= most);
                // 700 rows need three blocks, 60 or 300 fewer.
                const std::int64_t stay =
                    rowsSeen(question.plans.front(), 0, true, prompt, prompt + tokens) - 1;
                if (prompt == 700 && tokens == 500 && stay < 512)
                    CHECK(run.steps.back().held.reserved < run.steps.front().held.reserved);
            }
}
