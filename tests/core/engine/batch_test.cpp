// Several texts at once: each is what it would be alone, bit for bit, and what they cost together is formula and
// counted alike.

#include <algorithm>
#include <string>

#include "core/engine/batch.h"
#include "core/methods/predict.h"
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
using fovea::test::randomTokens;
using fovea::test::requireSame;

namespace {

constexpr const char* kPlans[] = {"dense",
                                  "store=bf16",
                                  "read=sparq:r=4,k=6",
                                  "store=f16 read=sparq:r=3,k=5,local=1,alpha=off",
                                  "read=topv:k=5",
                                  "read=quest:page=4,pages=2,skip=1",
                                  "keep=streaming:sinks=2,window=9,positions=cache",
                                  "keep=streaming:sinks=2,window=9,positions=original read=sparq:r=4,k=6",
                                  "keep=lm-infinite:sinks=3,window=8",
                                  "keep=moa:alpha=6,beta=.5,sinks=2,block=4,min=1",
                                  "keep=h2o:heavy=4,recent=5",
                                  "keep=h2o:heavy=4,recent=5 read=sparq:r=4,k=6",
                                  "keep=snapkv:budget=10,window=4,pool=3",
                                  "share=cla:2"};

// Prompts of other lengths each, the first of one token.
std::vector<std::vector<int>> raggedPrompts(int texts) {
    std::vector<std::vector<int>> prompts;
    for (int i = 0; i < texts; ++i)
        prompts.push_back(randomTokens(1 + 13 * i, 50, static_cast<unsigned>(i) + 1));
    return prompts;
}

bool sameBits(std::span<const float> a, std::span<const float> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

} // namespace

TEST_CASE("A text in a batch is what it would be alone, under every plan", "[core.engine]") {
    const auto model = randomModel({.layers = 2, .queryHeads = 4, .kvHeads = 2, .headDim = 8, .context = 96});
    for (const char* text : kPlans)
        for (const int texts : {1, 2, 3, 4}) {
            const AttentionPlan plan = parsePlan(text);
            INFO('"' << text << "\", " << texts << " texts");
            const auto prompts = raggedPrompts(texts);
            Batch batch(model, plan, texts);
            std::vector<Session> alone;
            for (int i = 0; i < texts; ++i) {
                const std::span<const int> prompt = prompts[static_cast<std::size_t>(i)];
                REQUIRE(batch.prefill(i, prompt.first(prompt.size() - 1), kGoOn));
                alone.emplace_back(model, plan, SessionOptions{});
                REQUIRE(alone.back().prefill(prompt.first(prompt.size() - 1), kGoOn));
            }
            for (int n = 0; n < 24; ++n) {
                std::vector<Batch::Fed> fed;
                StepCost sum;
                for (int i = 0; i < texts; ++i) {
                    if (n % 5 == 4 && i == n % texts && texts > 1)
                        continue; // stands still
                    const int token = (7 * n + 3 * i) % 50;
                    fed.push_back({i, token});
                    const StepRecord record = alone[static_cast<std::size_t>(i)].step(token, n > 1);
                    sum.counted += record.counted;
                    sum.held.counted += record.held.counted;
                    sum.held.reserved += record.held.reserved;
                    sum.evicted += record.evicted;
                    sum.liveSlots += record.liveSlots;
                }
                const StepCost cost = batch.step(fed, n > 1);
                INFO("step " << n);
                for (const auto [i, token] : fed) {
                    INFO("text " << i);
                    REQUIRE(sameBits(batch.logits(i), alone[static_cast<std::size_t>(i)].logits()));
                    REQUIRE(batch.tokens(i) == alone[static_cast<std::size_t>(i)].tokens());
                }
                requireSame(cost.formula, cost.counted);
                requireSame(cost.held.formula, cost.held.counted);
                // Each weight once, however many texts: the rest is what they move alone.
                const Traffic weights = predictWeights(plan, model->spec);
                sum.counted[Component::Weights] =
                    weights[Component::Weights] +
                    static_cast<std::int64_t>(fed.size() - 1) * model->spec.tokenBytes;
                requireSame(sum.counted, cost.counted);
                requireSame(sum.held.counted, cost.held.counted);
                REQUIRE(cost.held.reserved == sum.held.reserved);
                REQUIRE(cost.evicted == sum.evicted);
                REQUIRE(cost.liveSlots == sum.liveSlots);
            }
        }
}

TEST_CASE("A token's rows of the embedding are read for each text, every other weight once",
          "[core.engine]") {
    const auto model = randomModel({});
    CHECK(model->spec.tokenBytes == model->spec.width * elementBytes(model->spec.type));
    Batch batch(model, {}, 3);
    const std::vector<Batch::Fed> fed = {{0, 1}, {1, 2}, {2, 3}};
    const std::int64_t one = predictWeights(model->spec)[Component::Weights];
    CHECK(batch.step(fed, true).counted[Component::Weights] == one + 2 * model->spec.tokenBytes);
}

TEST_CASE("Texts generated together are those generated one by one, and each ends for itself",
          "[core.engine]") {
    const auto model = randomModel({.context = 40});
    const AttentionPlan plan = parsePlan("keep=streaming:sinks=2,window=9 read=sparq:r=4,k=6");
    const auto prompts = raggedPrompts(3);
    GenerateOptions options;
    options.tokens = 30; // more than the context leaves the last text
    options.sampler.temperature = 1;
    options.eos = 7;
    for (const bool ignoreEnd : {false, true}) {
        options.ignoreEnd = ignoreEnd;
        const BatchRun run = generateBatch(model, plan, prompts, options, {}, kGoOn);
        REQUIRE(run.texts.size() == 3);
        std::size_t longest = 0, tokens = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            const Run alone = generate(model, plan, prompts[i], options, {}, kGoOn);
            CHECK(run.texts[i].tokens == alone.tokens);
            CHECK(run.texts[i].promptTokens == alone.promptTokens);
            REQUIRE(run.texts[i].surprises.size() == alone.steps.size());
            for (std::size_t n = 0; n < alone.steps.size(); ++n)
                CHECK(run.texts[i].surprises[n] == alone.steps[n].surprise);
            longest = std::max(longest, alone.steps.size());
            tokens += alone.steps.size();
        }
        CHECK(run.steps.size() == longest);
        std::size_t fed = 0;
        for (const BatchRun::Step& step : run.steps)
            fed += static_cast<std::size_t>(step.texts);
        CHECK(fed == tokens);
    }
}

TEST_CASE("A batch refuses what a session refuses, with nothing changed", "[core.engine]") {
    const auto model = randomModel({.context = 20});
    Batch batch(model, {}, 2);
    REQUIRE(batch.prefill(1, randomTokens(19), kGoOn));
    const std::vector<Batch::Fed> last = {{0, 1}, {1, 1}}, unknown = {{0, 1}, {1, 50}};
    CHECK_THROWS_AS(batch.step(unknown, true), EngineError);
    CHECK(batch.tokens(0) == 0);
    batch.step(last, true);
    CHECK_THROWS_AS(batch.step(last, true), EngineError);
    CHECK(batch.tokens(0) == 1);
    const std::vector<std::vector<int>> prompts = {{1, 2}, {}};
    CHECK_THROWS_AS(generateBatch(model, {}, prompts, {}, {}, kGoOn), EngineError);
}
