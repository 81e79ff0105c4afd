#include <ATen/core/Tensor.h>
#include <catch2/catch.hpp>

#include <cmath>

#include "core/engine/compare.h"
#include "core/engine/session.h"
#include "tests/support/random_model.h"

using namespace fovea;
using fovea::test::randomModel;

namespace {

std::atomic<bool> goOn = false;

// Random models run into BOS and EOS soon, so unless a test is about them they are ids that never come.
GenerateOptions lasting(std::int64_t tokens) {
    GenerateOptions options;
    options.tokens = tokens;
    options.bos = options.eos = -1;
    return options;
}

const std::vector<int> kPrompt = {1, 8, 30, 4, 17};

AttentionPlan sparq(SparqParams params) {
    AttentionPlan plan;
    plan.read = params;
    return plan;
}

} // namespace

TEST_CASE("N tokens are N steps, the first of which feeds the prompt's last token", "[core.engine]") {
    const auto model = randomModel();
    const Run run = generate(model, {}, kPrompt, lasting(12), nullptr, goOn);
    CHECK(run.promptTokens == 5);
    CHECK(run.decodeFrom == 5);
    REQUIRE(run.steps.size() == 12);
    REQUIRE(run.tokens.size() == 17);
    for (std::size_t i = 0; i < run.steps.size(); ++i) {
        CHECK(run.steps[i].position == static_cast<std::int64_t>(4 + i));
        CHECK(run.steps[i].fed == run.tokens[4 + i]);
        CHECK(run.steps[i].token == run.tokens[5 + i]);
        CHECK(run.steps[i].planned == (i >= 1)); // the prompt's last token is read dense
        CHECK(run.steps[i].surprise > 0);
    }
    CHECK(run.logits == nullptr);
    CHECK(run.capture == nullptr);
    CHECK(run.backend == "cpu");
    CHECK(run.threads >= 1);
    CHECK(generate(model, {}, kPrompt, lasting(0), nullptr, goOn).steps.empty());
}

TEST_CASE("Decode-from moves the point from which the plan reads", "[core.engine]") {
    const auto model = randomModel();
    GenerateOptions options = lasting(10);
    for (const std::int64_t from : {0, 4, 8, 100}) {
        options.decodeFrom = from;
        const Run run =
            generate(model, sparq({.components = 2, .tokens = 3}), kPrompt, options, nullptr, goOn);
        for (const StepRecord& step : run.steps) {
            CHECK(step.planned == (step.position >= from));
            CHECK((step.counted[Component::Scores] > 0) == step.planned);
            CHECK(step.formula == step.counted);
        }
    }
}

TEST_CASE("Both backends generate the same text, and SparQ of everything the dense one", "[core.engine]") {
    const auto model = randomModel({.layers = 3});
    GenerateOptions options = lasting(60);
    const Run dense = generate(model, {}, kPrompt, options, nullptr, goOn);
    const AttentionPlan everything = sparq({.components = 8, .tokens = 96, .alpha = false});
    CHECK(generate(model, everything, kPrompt, options, nullptr, goOn).tokens == dense.tokens);
    options.session.backend = Backend::Reference;
    CHECK(generate(model, {}, kPrompt, options, nullptr, goOn).tokens == dense.tokens);
    CHECK(generate(model, everything, kPrompt, options, nullptr, goOn).tokens == dense.tokens);
}

TEST_CASE("A run ends with the context", "[core.engine]") {
    const auto model = randomModel({.context = 9});
    const Run run = generate(model, {}, kPrompt, lasting(50), nullptr, goOn);
    // Positions 4 to 8 are fed; what the last one predicts needs no place.
    CHECK(run.steps.size() == 5);
    CHECK(run.steps.back().position == 8);
    CHECK(generate(model, {}, std::vector<int>(9, 1), lasting(50), nullptr, goOn).steps.size() == 1);
    CHECK_THROWS_AS(generate(model, {}, std::vector<int>(10, 1), lasting(1), nullptr, goOn), EngineError);
    CHECK_THROWS_AS(generate(model, {}, std::vector<int>{}, lasting(1), nullptr, goOn), EngineError);
    CHECK_THROWS_AS(generate(model, {}, std::vector<int>{1, 50}, lasting(1), nullptr, goOn), EngineError);
}

TEST_CASE("A run ends with BOS or EOS unless told to go on", "[core.engine]") {
    const auto model = randomModel();
    GenerateOptions options = lasting(30);
    const Run endless = generate(model, {}, kPrompt, options, nullptr, goOn);
    options.eos = endless.tokens[12];
    std::size_t first = 5;
    while (endless.tokens[first] != options.eos)
        ++first;

    const Run ended = generate(model, {}, kPrompt, options, nullptr, goOn);
    CHECK(ended.tokens == std::vector<int>(endless.tokens.begin(), endless.tokens.begin() + first + 1));
    CHECK(ended.steps.size() == first - 4);
    std::swap(options.bos, options.eos);
    CHECK(generate(model, {}, kPrompt, options, nullptr, goOn).tokens == ended.tokens);
    options.ignoreEnd = true;
    CHECK(generate(model, {}, kPrompt, options, nullptr, goOn).tokens == endless.tokens);
}

TEST_CASE("Teacher-forced, a run reads the tokens it is given", "[core.engine]") {
    const auto model = randomModel();
    GenerateOptions options = lasting(40);
    options.keepLogits = true;
    const Run baseline = generate(model, {}, kPrompt, options, nullptr, goOn);
    REQUIRE(baseline.logits);
    CHECK(baseline.logits->size() == 40 * 50);

    options.forced.assign(baseline.tokens.begin() + 5, baseline.tokens.end());
    options.bos = options.forced[3]; // no end of a forced run
    const Run again = generate(model, {}, kPrompt, options, nullptr, goOn);
    CHECK(again.tokens == baseline.tokens);
    CHECK(*again.logits == *baseline.logits);
    CHECK(compareRuns(baseline, again).klMax == 0);
    // Greedy tokens are the top-1 of their own logits.
    CHECK(again.steps[7].surprise == baseline.steps[7].surprise);

    const Run sparse =
        generate(model, sparq({.components = 2, .tokens = 4}), kPrompt, options, nullptr, goOn);
    CHECK(sparse.tokens == baseline.tokens);
    const Comparison comparison = compareRuns(baseline, sparse);
    CHECK(comparison.kl.size() == 40);
    CHECK(comparison.kl[0] == 0); // before decode-from
    CHECK(comparison.klMean > 0);

    options.forced = {1, 99};
    CHECK_THROWS_AS(generate(model, {}, kPrompt, options, nullptr, goOn), EngineError);
}

TEST_CASE("Surprise is the negative log of the token's share", "[core.engine]") {
    GenerateOptions options = lasting(5);
    options.keepLogits = true;
    const Run run = generate(randomModel(), {}, kPrompt, options, nullptr, goOn);
    for (std::size_t i = 0; i < 5; ++i) {
        double sum = 0;
        for (std::size_t id = 0; id < 50; ++id)
            sum += std::exp(static_cast<double>((*run.logits)[i * 50 + id]));
        const double logit = (*run.logits)[i * 50 + static_cast<std::size_t>(run.steps[i].token)];
        CHECK(run.steps[i].surprise == Approx(-std::log(std::exp(logit) / sum)).margin(1e-6));
    }
}

TEST_CASE("A seed decides what is sampled", "[core.engine]") {
    const auto model = randomModel();
    GenerateOptions options = lasting(40);
    options.sampler = {.temperature = 2, .seed = 11};
    const auto first = generate(model, {}, kPrompt, options, nullptr, goOn).tokens;
    CHECK(generate(model, {}, kPrompt, options, nullptr, goOn).tokens == first);
    options.sampler.seed = 12;
    CHECK(generate(model, {}, kPrompt, options, nullptr, goOn).tokens != first);
}

TEST_CASE("The observer sees every step and may stop; a cancelled run keeps what it has", "[core.engine]") {
    const auto model = randomModel();
    GenerateOptions options = lasting(20);
    options.session.captureBudget = 1 << 24;
    std::size_t seen = 0;
    const Run stopped = generate(
        model, {}, kPrompt, options,
        [&](const Run& soFar) {
            CHECK(soFar.steps.size() == ++seen);
            CHECK(soFar.tokens.size() == 5 + seen);
            CHECK(soFar.capturedTokens == static_cast<std::int64_t>(4 + seen));
            return seen < 6;
        },
        goOn);
    CHECK(stopped.steps.size() == 6);
    CHECK(stopped.capture->capacity() == 24);

    std::atomic<bool> cancel = false;
    const Run cancelled = generate(
        model, {}, kPrompt, lasting(20),
        [&](const Run& soFar) {
            cancel = soFar.steps.size() == 3;
            return true;
        },
        cancel);
    CHECK(cancelled.steps.size() == 3);
    CHECK(generate(model, {}, kPrompt, lasting(20), nullptr, cancel).steps.empty());
}
