// What is foretold is what is then held.
#include "core/engine/memory_estimate.h"

#include <atomic>
#include <limits>
#include <string>

#include "core/engine/machine_memory.h"
#include "core/engine/session.h"
#include "tests/support/random_model.h"

#include <catch2/catch.hpp>

using namespace fovea;
using fovea::test::randomModel;

namespace {

const std::atomic<bool> kGoOn = false;

MemoryQuestion questionOf(const AttentionPlan& plan, std::int64_t prompt, std::int64_t tokens) {
    MemoryQuestion question;
    question.plans = {plan};
    question.prompt = prompt;
    question.tokens = tokens;
    return question;
}

// What a session with this question's plan holds when its run ends.
Run runOf(const std::shared_ptr<const Model>& model, const MemoryQuestion& q) {
    GenerateOptions options;
    options.tokens = q.tokens;
    options.ignoreEnd = true;
    options.keepLogits = q.keepsLogits;
    options.session.capacity = q.wholeContext ? 0 : q.prompt + q.tokens + q.spare;
    options.session.captureBudget = q.captureBudget;
    return generate(model, q.plans.front(), std::vector<int>(static_cast<std::size_t>(q.prompt), 5), options,
                    {}, kGoOn);
}

// Llama-2-7B's shape.
ModelSpec large() {
    ModelSpec spec;
    spec.layers = 32;
    spec.width = 4096;
    spec.queryHeads = spec.kvHeads = 32;
    spec.headDim = 128;
    spec.ffn = 11008;
    spec.vocabulary = 32000;
    spec.context = 1 << 20;
    spec.type = ElementType::F32;
    spec.parameters = 6'738'415'616;
    spec.weightBytes = spec.parameters * 4;
    return spec;
}

} // namespace

TEST_CASE("The cache that is foretold is the cache that a session reserves, for every plan and length",
          "[core.engine]") {
    const auto model = randomModel({.context = 5000});
    for (const char* text :
         {"dense", "store=bf16", "read=sparq:r=3,k=16", "store=f16 read=sparq:r=2,k=8,alpha=off", "read=topv:k=9",
          "read=quest:pages=4,skip=0", "store=bf16 read=quest:page=7,pages=4,skip=1",
          "read=quest:page=300,pages=1,skip=0"}) {
        const AttentionPlan plan = parsePlan(text);
        for (const std::int64_t tokens : {1, 255, 256, 257, 600}) {
            for (const bool whole : {false, true}) {
                MemoryQuestion question = questionOf(plan, 3, tokens);
                question.wholeContext = whole;
                INFO(text << ", " << tokens << " tokens, whole context " << whole);
                const Run run = runOf(model, question);
                REQUIRE(std::ssize(run.steps) == tokens);
                CHECK(estimateMemory(model->spec, question).cache == run.steps.back().held.reserved);
            }
        }
    }
}

TEST_CASE("Where tokens leave, what is foretold is enough, and no more than a block too much", "[core.engine]") {
    const auto model = randomModel({.context = 5000});
    for (const char* text : {"keep=streaming:sinks=4,window=60", "keep=streaming:sinks=4,window=600",
                             "keep=lm-infinite:sinks=4,window=300 store=bf16", "keep=moa",
                             "keep=moa:spans=2x4/0+0.5N/300+0N/0+0N/0+1N*5 store=f16",
                             "keep=moa:spans=2x4/0+0.5N/300+0N/0+0N/0+1N*5 read=sparq:r=4,k=9",
                             "keep=streaming:sinks=4,window=60 read=quest:page=8,pages=3,skip=0",
                             "keep=streaming:sinks=4,window=60 prefill=masked",
                             "keep=lm-infinite:sinks=4,window=300 prefill=dense",
                             "keep=moa:spans=2x4/0+0.5N/300+0N/0+0N/0+1N*5 prefill=dense"})
        for (const std::int64_t prompt : {3, 700})
            for (const std::int64_t tokens : {1, 500}) {
                const MemoryQuestion question = questionOf(parsePlan(text), prompt, tokens);
                INFO(text << ", " << tokens << " tokens after " << prompt);
                const Run run = runOf(model, question);
                std::int64_t most = 0;
                for (const StepRecord& step : run.steps)
                    most = std::max(most, step.held.reserved);
                const std::int64_t estimate = estimateMemory(model->spec, question).cache;
                CHECK(estimate >= most);
                if (tokens > 1 && prompt < 100)
                    CHECK(estimate == most);
                if (valueSumsPerHead(question.plans.front(), model->spec.group()) > 1)
                    continue; // a short text may pay more for sums of its own than it saves
                MemoryQuestion all = question;
                all.plans.front().keep = KeepAll{};
                CHECK(estimate <= estimateMemory(model->spec, all).cache);
            }
}

TEST_CASE("Capture and logits that are foretold are those that are kept", "[core.engine]") {
    const auto model = randomModel({.layers = 4, .context = 500});
    const std::int64_t layer = captureBytesPerLayer(model->spec, 3 + 40 + 10);
    for (const std::int64_t budget : {std::int64_t{0}, layer - 1, layer, 3 * layer + 1, 100 * layer}) {
        MemoryQuestion question = questionOf({}, 3, 40);
        question.spare = 10;
        question.captureBudget = budget;
        question.keepsLogits = true;
        const Run run = runOf(model, question);
        const MemoryEstimate estimate = estimateMemory(model->spec, question);
        CHECK(estimate.capture == (run.capture ? run.capture->bytes() : 0));
        // Once where they are made and once where they are shown.
        CHECK(estimate.logits == static_cast<std::int64_t>(2 * run.logits->size() * sizeof(float)));
    }
}

TEST_CASE("Two plans hold their caches side by side on one set of weights", "[core.engine]") {
    const ModelSpec spec = large();
    const AttentionPlan sparq = parsePlan("read=sparq:r=32,k=128");
    MemoryQuestion both = questionOf({}, 100, 1000), a = both, b = both;
    both.plans = {{}, sparq};
    b.plans = {sparq};
    const MemoryEstimate e = estimateMemory(spec, both);
    CHECK(e.weights == spec.parameters * 4);
    CHECK(e.cache == estimateMemory(spec, a).cache + estimateMemory(spec, b).cache);
    CHECK(e.total() == e.weights + e.cache);
}

TEST_CASE("Offers fit, change as little as they can, and are none where all fits or nothing does",
          "[core.engine]") {
    const ModelSpec spec = large();
    MemoryQuestion question = questionOf({}, 100, 4000);
    question.captureBudget = std::int64_t{512} << 20;
    const MemoryEstimate whole = estimateMemory(spec, question);
    CHECK(memoryOffers(spec, question, whole.total()).empty());
    CHECK(memoryOffers(spec, question, whole.weights).empty());

    const auto offers = memoryOffers(spec, question, whole.total() - 1);
    REQUIRE(offers.size() == 3);
    CHECK(offers[0].kind == MemoryOffer::Kind::Capture);
    CHECK(offers[0].question.captureBudget < question.captureBudget);
    CHECK(offers[0].question.tokens == question.tokens);
    CHECK(offers[1].kind == MemoryOffer::Kind::HalfStore);
    CHECK(offers[1].question.plans.front().store == Store(ElementType::BF16));
    CHECK(offers[1].estimate.cache * 2 == whole.cache);
    CHECK(offers[2].kind == MemoryOffer::Kind::Tokens);
    CHECK(offers[2].question.tokens > 3500); // a block fewer is enough
    CHECK(offers[2].question.tokens < 4000);
    for (std::int64_t budget = whole.weights; budget <= whole.total(); budget += whole.total() / 977)
        for (const MemoryOffer& offer : memoryOffers(spec, question, budget)) {
            INFO(budget << ": " << offer.what);
            CHECK(offer.estimate.total() <= budget);
            CHECK(offer.estimate == estimateMemory(spec, offer.question));
            CHECK_FALSE(offer.what.empty());
            CHECK(offer.question.tokens >= 1);
        }
    // One token more than offered would not fit.
    MemoryQuestion more = offers[2].question;
    ++more.tokens;
    CHECK(estimateMemory(spec, more).total() > whole.total() - 1);
}

TEST_CASE("Where no single change is enough, one offer changes everything", "[core.engine]") {
    const ModelSpec spec = large();
    MemoryQuestion question = questionOf({}, 4000, 4000);
    question.captureBudget = std::int64_t{8} << 30;
    MemoryQuestion half = question;
    half.plans.front().store = ElementType::BF16;
    half.captureBudget = 0;
    const auto offers = memoryOffers(spec, question, estimateMemory(spec, half).total());
    REQUIRE(offers.size() == 1);
    CHECK(offers.front().kind == MemoryOffer::Kind::Everything);
    CHECK(offers.front().what.find("bf16") != std::string::npos);
}

TEST_CASE("Sizes that no machine has do not wrap around", "[core.engine]") {
    ModelSpec spec = large();
    spec.weightBytes = std::numeric_limits<std::int64_t>::max() / 2;
    spec.context = std::numeric_limits<int>::max();
    MemoryQuestion question = questionOf({}, 1, std::numeric_limits<std::int64_t>::max() / 4);
    question.captureBudget = std::numeric_limits<std::int64_t>::max();
    question.keepsLogits = true;
    CHECK(estimateMemory(spec, question).total() == std::numeric_limits<std::int64_t>::max());
    CHECK(memoryOffers(spec, question, std::int64_t{1} << 40).empty());
}

TEST_CASE("A text says what is held, largest things named, nothing of what is not there", "[core.engine]") {
    CHECK(memoryText({.weights = 2'200'000'000, .cache = 110'000'000}) ==
          "2.31 GB: 2.20 GB of weights, 110 MB of KV cache");
    CHECK(memoryText({.weights = 1000, .cache = 1000, .capture = 1000, .logits = 1000}) ==
          "4.00 kB: 1.00 kB of weights, 1.00 kB of KV cache, 1.00 kB of capture, 1.00 kB of logits");
}

TEST_CASE("The machine's memory is known here", "[core.engine]") {
    CHECK(machineMemory() > (std::int64_t{64} << 20));
}
