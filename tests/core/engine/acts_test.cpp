// Sessions whose plan rounds activations: what both backends make of them, on every kind of weights, in prompts too.

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/tensor.h>

#include <filesystem>
#include <fstream>

#include "core/engine/batch.h"
#include "core/engine/check.h"
#include "core/engine/converted_models.h"
#include "core/engine/memory_estimate.h"
#include "core/methods/quantise/acts_truth.h"
#include "core/methods/quantise/rounded_weights.h"
#include "core/model/forward.h"
#include "tests/core/model/gguf_conversion.h"
#include "tests/support/random_model.h"
#include "tests/support/temporary_folder.h"

#include "tests/support/session_checks.h"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr const char* kActs[] = {"acts=rtn", "acts=rtn:bits=4"};

// Logits after `tokens` by libtorch alone: every input of a layer's matrices rounded by the truth, no cache.
std::vector<float> logitsByTruth(const Model& model, const ActGrid& grid, std::span<const int> tokens) {
    const auto product = [grid](const at::Tensor& x, const Weight& w) {
        return at::matmul(actsTruth(x, grid), w.to(at::kFloat).t());
    };
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    const at::Tensor hidden = hiddenStates(model, at::tensor(ids).unsqueeze(0), 0,
                                           causalAttentionOf(model.spec), at::kFloat, 0, {.product = product});
    const at::Tensor last = logits(model, hidden)[0][-1].contiguous();
    return {last.data_ptr<float>(), last.data_ptr<float>() + last.numel()};
}

} // namespace

TEST_CASE("Both backends give what rounding every input of a layer's matrices gives", "[core.engine]") {
    const auto model = randomModel({.headDim = 10, .ffn = 150, .type = ElementType::BF16, .tied = false});
    const std::vector<int> tokens = randomTokens(9);
    for (const char* acts : kActs)
        for (const char* weights :
             {"", " weights=rtn", " weights=rtn:bits=8,group=32", " weights=rtn:bits=3,mode=sym"}) {
            INFO(acts << weights);
            const AttentionPlan plan = parsePlan(std::string("store=f32 ") + acts + weights);
            const auto wanted = logitsByTruth(*modelUnder(model, plan), *actGrid(plan.acts), tokens);
            for (const Backend backend : kBackends) {
                Session session(model, plan, {.backend = backend});
                for (const int token : tokens) {
                    const StepRecord step = session.step(token, true);
                    requireSame(step.formula, step.counted);
                }
                // A value that lies between two codes may fall to either side by a last bit of what came before.
                CHECK(difference(session.logits(), wanted) < .05);
                CHECK(difference(session.logits(), wanted) <
                      .5 * difference(wanted, logitsByTruth(*modelUnder(model, plan), {4, true}, tokens)));
            }
        }
}

TEST_CASE("A prompt's activations are rounded as those of its tokens one by one", "[core.engine]") {
    for (const ElementType type :
         {ElementType::BF16, ElementType::F32}) { // on tiles, where there are, and not
        const auto model = randomModel({.headDim = 16, .ffn = 96, .type = type});
        const std::vector<int> tokens = randomTokens(24);
        for (const char* text : {"store=f32 acts=rtn", "store=f32 acts=rtn weights=rtn:bits=8",
                                 "store=f32 acts=rtn:bits=4 weights=rtn"})
            for (const Backend backend : kBackends) {
                INFO(text);
                Session once(model, parsePlan(text), {.backend = backend}),
                    apart(model, parsePlan(text), {.backend = backend}),
                    none(model, {.store = ElementType::F32, .weights = parsePlan(text).weights},
                         {.backend = backend});
                REQUIRE(once.prefill(std::span(tokens).first(23), kGoOn));
                REQUIRE(none.prefill(std::span(tokens).first(23), kGoOn));
                for (int i = 0; i < 23; ++i)
                    apart.step(tokens[static_cast<std::size_t>(i)], true);
                for (Session* session : {&once, &apart, &none})
                    session->step(tokens.back(), true);
                const double off = difference(apart.logits(), none.logits());
                CHECK(off > 0);
                CHECK(difference(once.logits(), apart.logits()) < .5 * off);
            }
    }
}

TEST_CASE("Fewer bits of activations change a model more, and blocks of a file go with them",
          "[core.engine]") {
    const TemporaryFolder folder;
    std::ofstream(folder / "model.gguf", std::ios::binary)
        << randomGguf({.layers = 2}, [](const std::string&, std::int64_t) { return kQ8_0; }).whole();
    for (const auto& model : {randomModel({.headDim = 16, .ffn = 160}), loadModel(folder / "model.gguf")}) {
        Session own(model, {}, {});
        own.step(3, true);
        double before = 0;
        for (const char* text : kActs) {
            Session rounded(model, parsePlan(text), {}),
                reference(model, parsePlan(text), {.backend = Backend::Reference});
            const StepRecord step = rounded.step(3, true);
            requireSame(step.formula, step.counted);
            reference.step(3, true);
            const double off = difference(rounded.logits(), own.logits());
            INFO(text << " is off by " << off);
            CHECK(off > before);
            CHECK(difference(rounded.logits(), reference.logits()) < .5 * off);
            before = off;
        }
    }
}

TEST_CASE("What a text is given under rounded activations does not depend on the texts beside it",
          "[core.engine]") {
    const auto model = randomModel({.headDim = 16, .ffn = 96});
    const AttentionPlan plan = parsePlan("weights=rtn acts=rtn");
    const std::vector<std::vector<int>> texts = {randomTokens(6, 50, 1), randomTokens(6, 50, 2),
                                                 randomTokens(6, 50, 3)};
    const auto last = [&](std::span<const std::vector<int>> some) {
        const BatchRun run = generateBatch(model, plan, some, {.tokens = 3, .ignoreEnd = true}, {}, kGoOn);
        return run.texts.front().tokens;
    };
    CHECK(last(texts) == last(std::span(texts).first(1)));
}

TEST_CASE("Two backends agree on rounded activations", "[core.engine]") {
    const auto model = randomModel({.headDim = 16, .ffn = 96});
    CheckOptions options;
    options.tokens = 6;
    const CheckReport report =
        checkBackends(model, parsePlan("read=sparq:r=4,k=8 weights=rtn acts=rtn:bits=4"), randomTokens(20),
                      options, {}, kGoOn);
    CHECK(report.within());
    CHECK(report.sameBytes());
}

TEST_CASE("Rounded activations hold nothing; a smoothed checkpoint is as large as the model",
          "[core.engine]") {
    const auto model = randomModel({.layers = 4, .type = ElementType::BF16});
    const auto held = [&](std::vector<AttentionPlan> plans) {
        return estimateMemory(model->spec, {.plans = std::move(plans)}).weights;
    };
    const std::int64_t own = model->spec.weightBytes;
    CHECK(held({parsePlan("acts=rtn")}) == own);
    CHECK(held({parsePlan("weights=rtn acts=rtn")}) == held({parsePlan("weights=rtn")}));
    CHECK(held({parsePlan("acts=smooth"), parsePlan("acts=smooth:bits=4 read=topv")}) == 2 * own);
    CHECK(held({parsePlan("acts=smooth"), parsePlan("acts=smooth:alpha=.8")}) == 3 * own);
    const std::int64_t rounded = held({parsePlan("weights=rtn")}) - own;
    CHECK(held({parsePlan("weights=rtn"), parsePlan("weights=rtn acts=smooth")}) == 2 * own + 2 * rounded);
}
