// Random spans, reads and stores on the GPU's backend: what attention makes of the same rows is what the CPU makes of
// them, and both move and hold the same bytes at every step.

#include <optional>

#include "core/engine/check.h"
#include "core/engine/device/gpu_refusal.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"
#include "tests/support/dice.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::Dice;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::RandomShape;

namespace {

// Heads of words of 16 bytes; H=G, GQA and MQA, groups wider than the eight heads that share a load among them.
RandomShape randomShape(Dice& dice) {
    RandomShape shape;
    shape.layers = dice.between(1, 3);
    shape.kvHeads = dice.between(1, 3);
    shape.queryHeads = shape.kvHeads * (dice.coin() ? dice.between(1, 4) : 1);
    shape.headDim = 16 * dice.between(1, 4);
    return shape;
}

} // namespace

TEST_CASE("Random plans on the GPU are what they are on the CPU", "[core.engine.device]") {
    Dice dice;
    int taken = 0;
    for (int trial = 0; trial < 60; ++trial) {
        const RandomShape shape = randomShape(dice);
        const auto model = randomModel(shape);
        AttentionPlan plan;
        if (dice.coin())
            plan.keep = dice.moa(shape.layers, shape.queryHeads);
        if (dice.coin())
            plan.read = dice.sparse(shape.headDim, 40);
        plan.store = dice.store();
        if (refusal(plan, model->spec) || gpuRefusal(plan, *model))
            continue;
        ++taken;
        std::vector<int> prompt;
        for (int i = dice.between(1, 40); i > 0; --i)
            prompt.push_back(dice.between(0, shape.vocabulary - 1));
        CheckOptions options;
        options.backends[0] = Backend::Cpu;
        options.backends[1] = Backend::Cuda;
        options.tokens = 24;
        const CheckReport report = checkBackends(model, plan, prompt, options, {}, kGoOn);
        INFO("trial " << trial << ", H=" << shape.queryHeads << " G=" << shape.kvHeads
                      << " d=" << shape.headDim << ", " << toText(plan) << ", " << prompt.size()
                      << " tokens: " << report.largest.relative);
        CHECK(report.sameBytes());
        CHECK_FALSE(report.firstBeyond);
    }
    CHECK(taken > 20);
}
