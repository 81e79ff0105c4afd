// Sessions under a store of which some rows are exact for a while, with every keep and read.

#include <ATen/core/Tensor.h>

#include <cmath>

#include "core/engine/session.h"
#include "core/model/model.h"
#include "core/model/random_model.h"
#include "core/plan/attention_plan.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr const char* kKeeps[] = {"dense",
                                  "keep=streaming:sinks=3,window=20",
                                  "keep=streaming:sinks=2,window=38 prefill=masked",
                                  "keep=lm-infinite:sinks=4,window=18",
                                  "keep=moa:alpha=5,beta=0.5,sinks=2,block=4,min=4",
                                  "keep=h2o:heavy=9,recent=12",
                                  "keep=scissorhands:budget=24,history=8,recent=6,drop=3",
                                  "keep=snapkv:budget=20,window=6",
                                  "share=cla:2"};
constexpr const char* kReads[] = {"", " read=sparq:r=4,k=9", " read=sparq:r=3,k=12,alpha=off,select=logits",
                                  " read=topv:k=7", " read=quest:page=5,pages=3,skip=0"};

AttentionPlan planOf(const char* keep, const char* read) {
    const std::string text = keep == std::string("dense") && *read ? read + 1 : keep + std::string(read);
    return parsePlan(text + " store=kivi:bits=4,residual=32");
}

} // namespace

TEST_CASE("Formula and counted are the same under a mixed store, whatever a plan keeps and reads", "[core.engine]") {
    const RandomShape shapes[] = {{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8},
                                  {.layers = 2, .queryHeads = 6, .kvHeads = 2, .headDim = 12, .type = ElementType::BF16, .tied = false}};
    int run = 0;
    for (const RandomShape& shape : shapes) {
        const auto model = randomModel(shape);
        for (const char* keep : kKeeps)
            for (const char* read : kReads) {
                const AttentionPlan plan = planOf(keep, read);
                if (refusal(plan, model->spec))
                    continue;
                ++run;
                for (const auto backend : {Backend::Cpu, Backend::Reference}) {
                    INFO("plan " << toText(plan) << ", backend " << static_cast<int>(backend));
                    Session session(model, plan, {.backend = backend});
                    REQUIRE(session.prefill(randomTokens(50, shape.vocabulary), kGoOn));
                    for (int i = 0; i < 20; ++i) { // the 64th token codes keys
                        const StepRecord step = session.step(i, i >= 3);
                        INFO("step " << i);
                        requireSame(step.formula, step.counted);
                        requireSame(step.held.formula, step.held.counted);
                        REQUIRE(step.held.reserved >= step.held.counted.attention());
                    }
                }
            }
    }
    CHECK(run > 60);
}

TEST_CASE("Both backends read a mixed store alike", "[core.engine]") {
    const RandomShape shape{.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8};
    const auto model = randomModel(shape);
    for (const char* keep : kKeeps) {
        const AttentionPlan plan = planOf(keep, "");
        INFO("plan " << toText(plan));
        Session cpu(model, plan, {}), reference(model, plan, {.backend = Backend::Reference});
        for (Session* const session : {&cpu, &reference})
            REQUIRE(session->prefill(randomTokens(50, shape.vocabulary), kGoOn));
        for (int i = 0; i < 20; ++i) {
            cpu.step(i, i >= 3);
            reference.step(i, i >= 3);
            double worst = 0;
            for (std::size_t t = 0; t < cpu.logits().size(); ++t)
                worst = std::max(worst, std::fabs(static_cast<double>(cpu.logits()[t]) -
                                                  static_cast<double>(reference.logits()[t])));
            // A last bit of a float may make another code of it: one step of 15 in one number of a group.
            REQUIRE(worst < 2e-2);
        }
    }
}
