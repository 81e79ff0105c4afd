#include "core/methods/keep/scored_keep.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <catch2/catch.hpp>

#include <limits>
#include <vector>

#include "core/methods/predict.h"
#include "core/methods/step_shape.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"
#include "tests/support/dice.h"
#include "tests/support/scored_plans.h"

using namespace fovea;
using fovea::test::Dice;

namespace {

constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

std::vector<std::int64_t> list(const at::Tensor& t) {
    const at::Tensor c = t.to(at::kLong).contiguous();
    return {c.data_ptr<std::int64_t>(), c.data_ptr<std::int64_t>() + c.numel()};
}

at::Tensor rows(std::initializer_list<std::vector<float>> values) {
    std::vector<float> all;
    for (const auto& row : values)
        all.insert(all.end(), row.begin(), row.end());
    return at::tensor(all).view({static_cast<std::int64_t>(values.size()), -1});
}

using Slots = std::vector<std::int64_t>;

} // namespace

TEST_CASE("The SparQ authors' check vector: two steps of weights, and who is left", "[core.methods]") {
    // k=2, local 1, the current token free: three stay, two of them the newest. The sixth position is padding.
    const at::Tensor weights = rows({{.1f, .7f, .2f, 0, 0}, {.1f, 0, 0, 0, .9f}});
    CHECK(list(h2oKept(3, 2, h2oScores(weights), at::arange(5, at::kLong))) == Slots{1, 3, 4});
    // After the first step nothing leaves.
    CHECK(list(h2oKept(3, 2, h2oScores(weights.narrow(0, 0, 1).narrow(1, 0, 3)), at::arange(3, at::kLong))) ==
          Slots{0, 1, 2});
    // Scissorhands leaves the same: of 0, 1 and 2 the second was above 1/3 once.
    const at::Tensor seen = rows({{1, 1, 1, 0, 0}, {1, 1, 1, 1, 1}}) > 0;
    CHECK(list(scissorhandsKept({.budget = 4, .history = 2, .recent = 2, .drop = 2},
                                belowUniform(weights, seen), at::arange(5, at::kLong), 2)) == Slots{1, 3, 4});
}

TEST_CASE("H2O keeps the newest and, of the others, those with the most attention", "[core.methods]") {
    const at::Tensor scores = at::tensor({.5f, .9f, .1f, .9f, .2f, .0f});
    CHECK(list(h2oKept(3, 1, scores, at::arange(6, at::kLong))) == Slots{1, 3, 5});
    CHECK(list(h2oKept(3, 0, scores, at::arange(6, at::kLong))) == Slots{0, 1, 3});
    CHECK(list(h2oKept(3, 3, scores, at::arange(6, at::kLong))) == Slots{3, 4, 5});
    CHECK(list(h2oKept(9, 3, scores, at::arange(6, at::kLong))) == Slots{0, 1, 2, 3, 4, 5});
    // By position, not by slot: the newest is in slot 2, and of two with .9 slot 3 has the newer.
    CHECK(list(h2oKept(2, 1, scores, at::tensor(Slots{3, 0, 9, 1, 7, 2}))) == Slots{2, 3});
    // Among equals the older leaves, and what is no number before everything else.
    CHECK(list(h2oKept(2, 0, at::zeros({5}), at::arange(5, at::kLong))) == Slots{3, 4});
    CHECK(list(h2oKept(2, 1, at::tensor({kNoNumber, .1f, kNoNumber, .2f, 0.f}), at::arange(5, at::kLong))) ==
          Slots{3, 4});
}

TEST_CASE("A weight that is no number adds nothing to a score", "[core.methods]") {
    const at::Tensor weights = rows({{kNoNumber, .5f, kNoNumber}, {.25f, kNoNumber, .5f}});
    CHECK(h2oScores(weights).equal(at::tensor({.25f, .5f, .5f})));
}

TEST_CASE("Scissorhands counts below the uniform share of what a query sees", "[core.methods]") {
    const at::Tensor weights = rows({{.4f, .6f, 0, 0}, {.25f, .25f, .5f, 0}, {.25f, .25f, .25f, .25f}});
    const at::Tensor seen = rows({{1, 1, 0, 0}, {1, 1, 1, 0}, {1, 1, 1, 1}}) > 0;
    CHECK(list(belowUniform(weights, seen).sum(0)) == Slots{2, 1, 0, 0}); // the share itself is not below it
    CHECK(list(belowUniform(at::full({1, 3}, kNoNumber), at::ones({1, 3}, at::kBool)).sum(0)) ==
          Slots{1, 1, 1});
    const at::Tensor below = rows({{1, 0, 1, 1}, {1, 0, 1, 1}, {0, 0, 0, 1}}) > 0;
    const auto kept = [&](int recent, std::int64_t leaving) {
        return list(
            scissorhandsKept({.budget = 4, .recent = recent}, below, at::arange(4, at::kLong), leaving));
    };
    CHECK(kept(0, 1) == Slots{0, 1, 2});
    CHECK(kept(1, 1) == Slots{1, 2, 3}); // 0 and 2 are alike: the older
    CHECK(kept(1, 3) == Slots{3});
    CHECK(kept(0, 4).empty());
}

TEST_CASE("SnapKV's window votes, a run of tokens together", "[core.methods]") {
    // Two queries vote for five tokens before them; the window's own columns are nobody's votes.
    const at::Tensor weights = rows({{0, .3f, 0, 0, .6f, .1f, 0}, {0, .3f, 0, 0, 0, 0, .7f}});
    const SnapkvParams params{.budget = 4, .window = 2, .pool = 3};
    CHECK(snapkvVotes(params, weights).allclose(at::tensor({.2f, .2f, .2f, .2f, .2f, 0.f, 0.f})));
    const SnapkvParams alone{.budget = 4, .window = 2, .pool = 1};
    CHECK(snapkvVotes(alone, weights).allclose(at::tensor({0.f, .6f, 0.f, 0.f, .6f, 0.f, 0.f})));
    CHECK(list(snapkvKept(alone, snapkvVotes(alone, weights))) == Slots{1, 4, 5, 6});
    // Two neighbours of a strong token stay with it, before a token alone with less.
    const at::Tensor run = rows({{0, 0, .9f, 0, 0, 0, .2f, 0}});
    const SnapkvParams pooled{.budget = 4, .window = 1, .pool = 3};
    CHECK(list(snapkvKept(pooled, snapkvVotes(pooled, run))) == Slots{1, 2, 3, 7});
    // A prompt that fits stays, and one shorter than the window votes nobody out.
    CHECK(list(snapkvKept({.budget = 9, .window = 9}, snapkvVotes({.budget = 9, .window = 9}, run))).size() ==
          8);
}

namespace {

// A run that only counts: how many rows the query at p sees when one is added a step and the method cuts down.
std::vector<std::int64_t> simulated(const AttentionPlan& plan, std::int64_t prompt, std::int64_t reach,
                                    std::int64_t last) {
    std::int64_t held = std::min(prompt, reach);
    const auto* h2o = std::get_if<H2oParams>(&plan.keep);
    const auto* scissors = std::get_if<ScissorhandsParams>(&plan.keep);
    const auto* snap = std::get_if<SnapkvParams>(&plan.keep);
    const bool own = reach < 1000;
    const std::int64_t budget = h2o ? h2o->budget(prompt) : scissors ? scissors->budget : snap->budget;
    held = own && snap ? held : std::min(held, budget);
    std::vector<std::int64_t> seen;
    for (std::int64_t p = prompt; p <= last; ++p) {
        seen.push_back(++held); // the query's own row
        if (h2o || (scissors && own))
            held = std::min({held, budget, reach});
        else if (scissors)
            held -= held > budget ? scissors->dropTokens() : 0;
        else
            held = std::min(held, reach);
    }
    return seen;
}

} // namespace

TEST_CASE("How many rows a query sees is the closed form's, under every scored keep", "[core.methods]") {
    Dice dice;
    for (int trial = 0; trial < 600; ++trial) {
        AttentionPlan plan;
        plan.keep = fovea::test::randomScoredKeep(dice);
        REQUIRE_FALSE(refusal(plan, {}));
        const std::int64_t prompt = dice.between(0, 50);
        const int window = trial % 3 == 0 ? dice.between(1, 30) : 0;
        const std::int64_t reach = window > 0 ? window - 1 : 1 << 20;
        const auto seen = simulated(plan, prompt, reach, prompt + 60);
        std::int64_t most = 0;
        for (std::int64_t p = prompt; p <= prompt + 60; ++p) {
            INFO(toText(plan) << ", prompt " << prompt << ", window " << window << ", p " << p);
            const std::int64_t expected = seen[static_cast<std::size_t>(p - prompt)];
            REQUIRE(rowsSeen(plan, window, true, prompt, p) == expected);
            REQUIRE(rowsSeen(plan, window, false, prompt, p) == std::min(p, reach) + 1);
            most = std::max(most, expected);
            REQUIRE(mostRowsSeen(plan, window, prompt, p) >= most);
            REQUIRE(mostRowsSeen(plan, window, prompt, p) <= std::min(p, reach) + 1);
        }
    }
}

TEST_CASE("Moved and held bytes of worked scored steps", "[core.methods]") {
    // H = 8, G = 2 (g = 4), d = 16, bf16 (a row is 32 bytes); the 101st token, after a prompt of 60.
    StepShape shape{.tokens = 101, .queryHeads = 8, .kvHeads = 2, .headDim = 16, .store = ElementType::BF16};
    shape.prompt = 60;
    Traffic moved, held;
    moved[Component::Keys] = moved[Component::Values] = 2 * (13 * 32 + 32);
    held[Component::Keys] = held[Component::Values] = 2 * 12 * 32;
    // 13 rows seen by 4 heads: logits written and read, 13 scores read and written, 1 cleared, 13 - 8 ranked.
    moved[Component::Scores] = 2 * (2 * 4 * 13 * 4 + 8 * 13 + 4 + 4 * 5);
    held[Component::Scores] = 2 * 4 * 12;
    CHECK(predictMoved(parsePlan("keep=h2o:heavy=4,recent=8"), shape) == moved);
    CHECK(predictHeld(parsePlan("keep=h2o:heavy=4,recent=8"), shape) == held);
    // 10% of 60 tokens are 6, twice.
    moved[Component::Scores] += 2 * 4 * 2; // two more are ranked
    CHECK(predictMoved(parsePlan("keep=h2o:heavy=10%,recent=10%"), shape) == moved);

    // Held 12 after 40 steps of 9, 10, 11, 12, 9, …: 13 are seen, three words of history each, and 4 leave.
    moved[Component::Scores] = 2 * (2 * 4 * 13 * 4 + 8 * 13 + 4 * 3 + 4 * 3 * 11);
    held = {};
    held[Component::Keys] = held[Component::Values] = 2 * 9 * 32;
    held[Component::Scores] = 2 * 4 * 3 * 9;
    const AttentionPlan scissors = parsePlan("keep=scissorhands:budget=12,history=70,recent=2,drop=4");
    CHECK(predictMoved(scissors, shape) == moved);
    CHECK(predictHeld(scissors, shape) == held);

    // SparQ tells of the 5 rows that it reads, or of what it guessed of all 13.
    AttentionPlan sparse = parsePlan("keep=h2o:heavy=4,recent=8 read=sparq:r=4,k=5,alpha=off");
    Traffic exact = predictMoved(sparse, shape);
    CHECK(exact[Component::Scores] == 2 * (2 * 4 * 13 * 4 + 2 * 4 * 5 * 4 + 8 * 13 + 4 + 4 * 5));
    CHECK(exact[Component::Indices] == 2 * 3 * 4 * 5);
    sparse.feedback = AttentionPlan::Feedback::Estimate;
    Traffic estimate = predictMoved(sparse, shape);
    CHECK(estimate[Component::Scores] == 2 * (3 * 4 * 13 * 4 + 8 * 13 + 4 + 4 * 5));
    CHECK(estimate[Component::Indices] == 2 * 2 * 4 * 5);

    // SnapKV pays once: as it takes over from 60 tokens, K again and 16 queries of 8 heads.
    shape.tokens = 61, shape.takesOver = true;
    const AttentionPlan snap = parsePlan("keep=snapkv:budget=20,window=16");
    moved = {};
    moved[Component::Keys] = 2 * (21 * 32 + 32 + 60 * 32);
    moved[Component::Values] = 2 * (21 * 32 + 32);
    moved[Component::Scores] = 4 * 16 * 8 * 16 + 2 * (8 * 16 * 4 * 60 + 8 * 60);
    CHECK(predictMoved(snap, shape) == moved);
    CHECK(predictHeld(snap, shape)[Component::Scores] == 0);
    shape.tokens = 200, shape.takesOver = false;
    CHECK(predictMoved(snap, shape)[Component::Scores] == 0);
    CHECK(predictHeld(snap, shape)[Component::Keys] == 2 * (20 + 140) * 32);
    shape.keeps = shape.planned = false;
    CHECK(predictMoved(snap, shape)[Component::Scores] == 4 * 8 * 16);
    CHECK(predictHeld(snap, shape)[Component::Scores] == 4 * 16 * 8 * 16);
}

TEST_CASE("A share is of the prompt, rounded down, and something always stays", "[core.methods]") {
    const auto h2o = [](const char* text) { return std::get<H2oParams>(parsePlan(text).keep); };
    CHECK(h2o("keep=h2o:heavy=10%,recent=10%").budget(99) == 18);
    CHECK(h2o("keep=h2o:heavy=10%,recent=10%").budget(5) == 1); // 0 + 0: the newest
    CHECK(h2o("keep=h2o:heavy=10%,recent=10%").recentTokens(5) == 1);
    CHECK(h2o("keep=h2o:heavy=3,recent=0").recentTokens(5) == 0);
    CHECK(h2o("keep=h2o:heavy=100%,recent=0").budget(1'000'000) == 1'000'000);
    CHECK(h2o("keep=h2o:heavy=2147483647,recent=2147483647").budget(9) == 4294967294);
}
