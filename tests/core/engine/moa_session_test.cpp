// MoA in whole sessions over random spans, shapes, reads and stores: what was moved and held is the formula's, on
// every step of both backends, and the two say the same.

#include <catch2/catch.hpp>

#include <atomic>
#include <cmath>

#include "core/engine/session.h"
#include "tests/support/dice.h"
#include "tests/support/random_model.h"

using namespace fovea;
using fovea::test::Dice;
using fovea::test::randomModel;
using fovea::test::RandomShape;

namespace {

const std::atomic<bool> kGoOn = false;

AttentionPlan randomPlan(Dice& dice, const RandomShape& shape) {
    AttentionPlan plan;
    plan.keep = dice.moa(shape.layers, shape.queryHeads);
    if (dice.coin())
        plan.read = dice.sparse(shape.headDim, 40);
    plan.store = dice.store();
    return plan;
}

} // namespace

TEST_CASE("Formula and counted are the same on every step of random spans, and both backends say the same",
          "[core.engine]") {
    Dice dice;
    for (int trial = 0; trial < 60; ++trial) {
        RandomShape shape;
        shape.layers = dice.between(1, 3);
        shape.kvHeads = dice.between(1, 3);
        shape.queryHeads = shape.kvHeads * dice.between(1, 3); // MHA, GQA and MQA
        shape.headDim = 2 * dice.between(2, 6);
        const auto model = randomModel(shape);
        const AttentionPlan plan = randomPlan(dice, shape);
        REQUIRE_FALSE(refusal(plan, model->spec));
        INFO("trial " << trial << ", H=" << shape.queryHeads << " G=" << shape.kvHeads << ", "
                      << toText(plan));
        Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
        std::vector<int> prompt;
        for (int i = dice.between(0, 30); i > 0; --i)
            prompt.push_back(dice.between(0, shape.vocabulary - 1));
        REQUIRE(cpu.prefill(prompt, kGoOn));
        REQUIRE(reference.prefill(prompt, kGoOn));
        // Two-byte rows: a last bit of f32 may round a cached value the other way, 2^-9 of it in bf16.
        const float most = storedFloats(plan.store, shape.type) == ElementType::F32 ? 1e-3f : 1e-2f;
        const int from = dice.between(0, 5); // where the plan begins to act
        for (int step = 0; step < 40; ++step) {
            INFO("step " << step << " of a plan that acts from " << from);
            const int token = dice.between(0, shape.vocabulary - 1);
            const StepRecord a = cpu.step(token, step >= from), b = reference.step(token, step >= from);
            for (int c = 0; c < kComponents; ++c) {
                const auto component = static_cast<Component>(c);
                INFO(kComponentNames[static_cast<std::size_t>(c)]);
                REQUIRE(a.formula[component] == a.counted[component]);
                REQUIRE(b.formula[component] == b.counted[component]);
                REQUIRE(a.held.formula[component] == a.held.counted[component]);
                REQUIRE(b.held.formula[component] == b.held.counted[component]);
                REQUIRE(a.formula[component] == b.formula[component]);
            }
            REQUIRE(a.liveSlots == b.liveSlots);
            // SparQ's choice and a value's code may hang on a last bit; what is read of everything as floats may not.
            if (std::holds_alternative<ReadAll>(plan.read) && !storedCodes(plan.store))
                for (std::size_t i = 0; i < cpu.logits().size(); ++i)
                    REQUIRE(std::abs(cpu.logits()[i] - reference.logits()[i]) < most);
        }
    }
}
