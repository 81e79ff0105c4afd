#include "core/engine/compare.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <stdexcept>

using namespace fovea;

namespace {

Run runOf(std::vector<float> logits, int vocabulary, std::int64_t first = 4) {
    Run run;
    run.spec.vocabulary = vocabulary;
    for (std::int64_t i = 0; i < std::ssize(logits) / vocabulary; ++i) {
        StepRecord step;
        step.position = first + i;
        run.steps.push_back(step);
    }
    run.logits = std::make_shared<const std::vector<float>>(std::move(logits));
    return run;
}

} // namespace

TEST_CASE("A run compared with itself differs in nothing", "[core.engine]") {
    const Run run = runOf({1, 2, 3, -1, 5, 0}, 3);
    const Comparison same = compareRuns(run, run);
    CHECK(same.kl == std::vector<float>{0, 0});
    CHECK(same.klMax == 0);
    CHECK(same.agreement == 1);
    CHECK_FALSE(same.firstDivergent);
}

TEST_CASE("Divergence is from the baseline, in nats", "[core.engine]") {
    // p = (3/4, 1/4) and q = (1/2, 1/2), then p = q, then p = (1/2, 1/2) and q = (1/5, 4/5).
    const auto ln = [](double x) { return static_cast<float>(std::log(x)); };
    const Run p = runOf({ln(3), 0, 1, 0, 2, 2}, 2);
    const Run q = runOf({7, 7, 1, 0, 0, ln(4)}, 2);
    const Comparison c = compareRuns(p, q);
    REQUIRE(c.kl.size() == 3);
    const double first = .75 * std::log(1.5) + .25 * std::log(.5);
    const double third = .5 * std::log(2.5) + .5 * std::log(.625);
    CHECK(c.kl[0] == Approx(first));
    CHECK(c.kl[1] == Approx(0).margin(1e-7));
    CHECK(c.kl[2] == Approx(third));
    CHECK(c.klMean == Approx((first + third) / 3));
    CHECK(c.klMax == Approx(std::max(first, third)));
    // Ties are the lowest id on both sides, so only the third step's top token differs.
    CHECK(c.agreement == Approx(2. / 3));
    CHECK(c.firstDivergent == 6);
}

TEST_CASE("The shorter run counts", "[core.engine]") {
    const Run longer = runOf({0, 1, 1, 0, 5, 0}, 2), shorter = runOf({0, 1}, 2);
    CHECK(compareRuns(longer, shorter).kl.size() == 1);
    CHECK(compareRuns(shorter, runOf({}, 2)).kl.empty());
}

TEST_CASE("A certain token compares", "[core.engine]") {
    const float inf = std::numeric_limits<float>::infinity();
    const Run p = runOf({0, -inf}, 2), q = runOf({0, 0}, 2);
    CHECK(compareRuns(p, q).kl[0] == Approx(std::log(2.)));
    CHECK(compareRuns(p, p).kl[0] == 0);
}

TEST_CASE("Runs that read different tokens are refused", "[core.engine]") {
    const Run run = runOf({0, 1}, 2);
    Run other = run;
    other.steps[0].fed = 9;
    CHECK_THROWS_AS(compareRuns(run, other), std::invalid_argument);
    other = run;
    other.logits = nullptr;
    CHECK_THROWS_AS(compareRuns(run, other), std::invalid_argument);
    CHECK_THROWS_AS(compareRuns(run, runOf({0, 1, 2}, 3)), std::invalid_argument);
}
