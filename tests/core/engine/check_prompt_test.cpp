#include "core/engine/check_prompt.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "core/engine/attention_tap.h"
#include "core/engine/capture.h"
#include "core/engine/check.h"
#include "core/engine/memory_estimate.h"
#include "core/methods/keep/keep_rule.h"
#include "tests/support/random_model.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using fovea::test::kGoOn;
using fovea::test::randomModel;
using fovea::test::RandomShape;
using fovea::test::randomTokens;

namespace {

const RandomShape kShape{.layers = 3, .context = 300};

PromptCheck check(const std::shared_ptr<const Model>& model, const std::string& plan,
                  std::span<const int> prompt, double tolerance = 0) {
    return checkPrompt(model, parsePlan(plan), prompt, Backend::Reference, tolerance, nullptr, kGoOn);
}

} // namespace

TEST_CASE("A prompt read at once is the prompt read token by token, under every plan",
          "[core.engine][check]") {
    at::manual_seed(11);
    const auto model = randomModel(kShape);
    const auto prompt = randomTokens(170, kShape.vocabulary); // two chunks
    for (const char* plan :
         {"dense", "store=bf16", "store=f16 read=sparq:r=4,k=6", "keep=streaming:sinks=2,window=6",
          "keep=streaming:sinks=2,window=6,positions=cache prefill=masked",
          "keep=lm-infinite:sinks=2,window=9",
          "keep=moa:spans=3x4/0+0.1N/90+0N/8+0N/0+1N/0+0.4N/30+0N/0+0N/16+0.2N/"
          "0+0.5N*4,sinks=3,block=4,min=8",
          "keep=streaming:sinks=2,window=20 read=sparq:r=4,k=6 prefill=masked", "keep=h2o:heavy=5,recent=9",
          "keep=snapkv:budget=20,window=8", "share=cla:3 keep=lm-infinite:sinks=2,window=9",
          "read=quest:page=4,pages=3,skip=0"}) {
        INFO(plan);
        const PromptCheck c = check(model, plan, prompt);
        REQUIRE(c.done);
        CHECK(c.notChecked.empty());
        CHECK(c.tokens == 169);
        CHECK(c.sameRows);
        CHECK(c.within());
        CHECK(c.largest.relative <= c.tolerance);
        REQUIRE(c.layers.size() == 3);
        for (const Deviation& d : c.layers)
            CHECK(d.step >= 0); // something was compared everywhere
        CHECK(c.logits.step == 169);
    }
}

namespace {

// Adds to what one head of layer 1 attends to at one position.
struct Fault final : AttentionTap {
    int position = -1;
    void enter(int layer, float*, float*, float*) override { position += layer == 0; }
    void leave(int layer, float* output) override {
        if (layer == 1 && position == 7)
            output[2 * 8 + 5] += 0.5f;
    }
};

} // namespace

TEST_CASE("A fault in one layer's attention is found in the rows of the next, from its position on",
          "[core.engine][check]") {
    const auto model = randomModel(kShape);
    const auto prompt = randomTokens(40, kShape.vocabulary);
    Fault fault;
    const PromptCheck c = checkPrompt(model, {}, prompt, Backend::Reference, 0, nullptr, kGoOn, &fault);
    CHECK_FALSE(c.within());
    CHECK(c.layers[0].relative <= c.tolerance);
    CHECK(c.layers[1].relative <= c.tolerance);
    CHECK(c.layers[2].relative > c.tolerance);
    CHECK(c.layers[2].step == 7);
    // Sums in another order differ, and a tolerance that is given is the one that is used.
    CHECK_FALSE(check(model, "dense", prompt, 1e-12).within());
    CHECK(check(model, "dense", prompt, 1e-3).tolerance == 1e-3);
}

TEST_CASE("Where RoPE changes with the length a prompt is not checked, and that is said",
          "[core.engine][check]") {
    const auto model = std::const_pointer_cast<Model>(randomModel(kShape));
    model->spec.rope.scaling.kind = RopeScaling::Kind::Dynamic;
    model->spec.rope.scaling.factor = 2;
    const PromptCheck c = check(model, "dense", randomTokens(20, kShape.vocabulary));
    CHECK(c.done);
    CHECK(c.tokens == 0);
    CHECK(c.notChecked.find("RoPE") != std::string::npos);
}

TEST_CASE("A check of backends tells the prompt's part where it is asked for, and hears of each token",
          "[core.engine][check]") {
    const auto model = randomModel(kShape);
    const auto prompt = randomTokens(20, kShape.vocabulary);
    CheckOptions options;
    options.tokens = 3;
    int heard = 0;
    const auto count = [&](const CheckReport&) {
        ++heard;
        return true;
    };
    CHECK_FALSE(checkBackends(model, {}, prompt, options, count, kGoOn).prompt);
    CHECK(heard == 3);
    options.prompt = true;
    const CheckReport report = checkBackends(model, {}, prompt, options, count, kGoOn);
    REQUIRE(report.prompt);
    CHECK(heard == 3 + 19 + 3);
    CHECK(report.within());
    CheckReport worse = report;
    worse.prompt->sameRows = false;
    CHECK_FALSE(worse.within());
    // Stopped within the prompt: no step was made.
    const auto stop = [](const CheckReport& soFar) { return !soFar.prompt || soFar.prompt->tokens < 5; };
    const CheckReport early = checkBackends(model, {}, prompt, options, stop, kGoOn);
    CHECK(early.steps.empty());
    CHECK(early.prompt->tokens == 5);
    CHECK_FALSE(early.prompt->done);
}

TEST_CASE("A check of a prompt holds what was foretold", "[core.engine][check]") {
    const auto model = randomModel(kShape);
    const std::int64_t rows = captureBytes(model->spec, 200, 3);
    MemoryQuestion question;
    question.plans = {AttentionPlan{}, AttentionPlan{}};
    question.prompt = 200;
    question.tokens = 1;
    CHECK(promptCheckBytes(model->spec, {}, 200) == estimateMemory(model->spec, question).total() + 2 * rows);
}
