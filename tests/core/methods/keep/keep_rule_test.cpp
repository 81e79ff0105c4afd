#include "core/methods/keep/keep_rule.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <vector>

#include "core/methods/predict.h"
#include "core/methods/step_shape.h"
#include "core/plan/attention_plan.h"

using namespace fovea;

namespace {

std::vector<std::int64_t> seenBy(const KeepRule& rule, std::int64_t p) {
    std::vector<std::int64_t> seen;
    for (std::int64_t j = 0; j <= p; ++j)
        if (rule.sees(p, j))
            seen.push_back(j);
    return seen;
}

} // namespace

TEST_CASE("StreamingLLM sees its sinks, the window before the current token, and that", "[core.methods]") {
    const KeepRule rule = streamingRule({.sinks = 2, .window = 3});
    CHECK(seenBy(rule, 0) == std::vector<std::int64_t>{0});
    CHECK(seenBy(rule, 5) == std::vector<std::int64_t>{0, 1, 2, 3, 4, 5});
    CHECK(seenBy(rule, 6) == std::vector<std::int64_t>{0, 1, 3, 4, 5, 6});
    CHECK(seenBy(rule, 9) == std::vector<std::int64_t>{0, 1, 6, 7, 8, 9});
    CHECK(seenBy(streamingRule({.sinks = 0, .window = 1}), 9) == std::vector<std::int64_t>{8, 9});
    CHECK(seenBy(streamingRule({.sinks = 2, .window = 0}), 9) == std::vector<std::int64_t>{0, 1, 9});
}

TEST_CASE("LM-Infinite counts the current token in its window", "[core.methods]") {
    const KeepRule rule = lmInfiniteRule({.sinks = 2, .window = 3});
    CHECK(seenBy(rule, 4) == std::vector<std::int64_t>{0, 1, 2, 3, 4});
    CHECK(seenBy(rule, 5) == std::vector<std::int64_t>{0, 1, 3, 4, 5});
    CHECK(seenBy(rule, 9) == std::vector<std::int64_t>{0, 1, 7, 8, 9});
}

TEST_CASE("The number of tokens seen is the closed form's, whatever the rule", "[core.methods]") {
    std::mt19937 random(9);
    const auto upTo = [&](int n) { return std::uniform_int_distribution<std::int64_t>(0, n)(random); };
    for (int trial = 0; trial < 400; ++trial) {
        KeepRule rule{.sinks = upTo(6)};
        if (upTo(3))
            rule.window = upTo(12);
        if (upTo(1))
            rule.reach = upTo(14);
        for (std::int64_t p = 0; p < 40; ++p) {
            const auto seen = seenBy(rule, p), next = seenBy(rule, p + 1);
            REQUIRE(rule.seen(p) == std::ssize(seen));
            // Once not seen, never again.
            for (const std::int64_t j : next)
                REQUIRE((j == p + 1 || std::find(seen.begin(), seen.end(), j) != seen.end()));
        }
    }
}

TEST_CASE("Sinks are met at their rank's distance in the cache, or at the ceiling", "[core.methods]") {
    // At p = 9 of sinks 2, window 3 the cache is 0 1 6 7 8 9: ranks 0 to 5.
    const KeepRule cache =
        streamingRule({.sinks = 2, .window = 3, .positions = StreamingParams::Positions::Cache});
    CHECK(cache.turns());
    CHECK(cache.distanceTo(9, 0) == 5);
    CHECK(cache.distanceTo(9, 1) == 4);
    CHECK(cache.distanceTo(9, 6) == 3);
    CHECK(cache.distanceTo(4, 0) == 4); // nothing gone yet
    CHECK(cache.distanceTo(1'000'000, 0) == 5);

    const KeepRule infinite = lmInfiniteRule({.sinks = 2, .window = 3});
    CHECK(infinite.distanceTo(9, 0) == 3);
    CHECK(infinite.distanceTo(9, 1) == 3);
    CHECK(infinite.distanceTo(9, 7) == 2);
    CHECK(infinite.distanceTo(2, 0) == 2);

    CHECK(streamingRule({.sinks = 2, .window = 3}).distanceTo(9, 0) == 9);
    CHECK_FALSE(streamingRule({.sinks = 2, .window = 3}).turns());
    CHECK_FALSE(
        streamingRule({.sinks = 0, .window = 3, .positions = StreamingParams::Positions::Cache}).turns());
}

TEST_CASE("The longest distance is that of the furthest token ever met", "[core.methods]") {
    for (const char* text :
         {"keep=streaming:sinks=2,window=3,positions=cache", "keep=streaming:sinks=0,window=3",
          "keep=lm-infinite:sinks=2,window=3", "keep=lm-infinite:sinks=0,window=5"}) {
        const KeepRule rule = keepRule(parsePlan(text), 0, true);
        std::int64_t longest = 0;
        for (std::int64_t p = 0; p < 60; ++p)
            for (const std::int64_t j : seenBy(rule, p))
                longest = std::max(longest, rule.distanceTo(p, j));
        INFO(text);
        CHECK(rule.longestDistance() == longest);
    }
    CHECK(keepRule(parsePlan("dense"), 0, true).longestDistance() >= KeepRule::kUnbounded);
    CHECK(keepRule(parsePlan("keep=streaming"), 0, true).longestDistance() >= KeepRule::kUnbounded);
    CHECK(keepRule(parsePlan("keep=streaming"), 9, true).longestDistance() == 8);
}

TEST_CASE("A model's own window bounds the plan's, sinks included", "[core.methods]") {
    const AttentionPlan streaming = parsePlan("keep=streaming:sinks=2,window=6");
    CHECK(seenBy(keepRule(streaming, 4, true), 9) == std::vector<std::int64_t>{6, 7, 8, 9});
    CHECK(seenBy(keepRule(streaming, 4, false), 9) == std::vector<std::int64_t>{6, 7, 8, 9});
    CHECK(seenBy(keepRule(streaming, 9, true), 9) == std::vector<std::int64_t>{1, 3, 4, 5, 6, 7, 8, 9});
    CHECK(keepRule(streaming, 0, false) == KeepRule{});
    CHECK(keepRule(parsePlan("dense"), 0, true) == KeepRule{});
}

TEST_CASE("Moved and held bytes of a worked stream", "[core.methods]") {
    // Sinks 4, window 8, d = 16, H = 8, G = 2, bf16 (a row is 32 bytes); the 101st token.
    StepShape shape{.tokens = 101, .queryHeads = 8, .kvHeads = 2, .headDim = 16, .store = ElementType::BF16};
    AttentionPlan plan = parsePlan("keep=streaming:sinks=4,window=8");
    Traffic moved, held;
    moved[Component::Keys] = moved[Component::Values] = 2 * (13 * 32 + 32);
    held[Component::Keys] = held[Component::Values] = 2 * 12 * 32;
    CHECK(predictMoved(plan, shape) == moved);
    CHECK(predictHeld(plan, shape) == held);

    // With SparQ's mean, one value is read and taken from the sum.
    plan = parsePlan("keep=streaming:sinks=4,window=8 read=sparq:r=4,k=5");
    Traffic sparse;
    sparse[Component::Keys] = 2 * (5 * 32 + 32);
    sparse[Component::Values] = 2 * (5 * 32 + 32 + 32);
    sparse[Component::KeyColumns] = 2 * (13 * 4 * 2 + 32);
    sparse[Component::Scores] = 2 * (2 * 4 * 13 * 4);
    sparse[Component::Indices] = 2 * (2 * 4 * 5);
    sparse[Component::Mean] = 2 * (12 * 16 + 8 * 16);
    CHECK(predictMoved(plan, shape) == sparse);

    // Before it acts, all stay; the step that takes over drops the 88 tokens between first.
    shape.keeps = shape.planned = false;
    CHECK(predictHeld(plan, shape)[Component::Keys] == 2 * 101 * 32);
    shape.keeps = shape.planned = shape.takesOver = true;
    sparse[Component::Values] += 2 * 88 * 32;
    sparse[Component::Mean] += 2 * 88 * 8 * 16;
    CHECK(predictMoved(plan, shape) == sparse);
}
