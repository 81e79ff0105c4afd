// Frequencies against numbers worked out from the papers' formulas; what a whole model makes of them is the
// goldens'.

#include "core/model/rope.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace fovea;
using Kind = RopeScaling::Kind;

namespace {

constexpr double kTurn = 6.283185307179586;

Rope scaled(Kind kind, float factor, std::int64_t original) {
    Rope rope;
    rope.scaling.kind = kind;
    rope.scaling.factor = factor;
    rope.scaling.originalContext = original;
    return rope;
}

} // namespace

TEST_CASE("Plain frequencies go down from 1 by equal ratios", "[core.model]") {
    const RopeTable table = ropeTable({}, 8, 100);
    REQUIRE(table.frequency.size() == 4);
    CHECK(table.frequency[0] == 1);
    CHECK(table.frequency[1] == Approx(0.1));
    CHECK(table.frequency[3] == Approx(0.001));
    CHECK(table.attentionFactor == 1);
}

TEST_CASE("Linear scaling divides every frequency", "[core.model]") {
    const RopeTable table = ropeTable(scaled(Kind::Linear, 4, 0), 8, 100);
    CHECK(table.frequency[0] == Approx(0.25));
    CHECK(table.frequency[2] == Approx(0.0025));
}

TEST_CASE("Dynamic scaling begins beyond the original context", "[core.model]") {
    const Rope rope = scaled(Kind::Dynamic, 2, 100);
    CHECK(ropeTable(rope, 8, 1).frequency == ropeTable({}, 8, 1).frequency);
    CHECK(ropeTable(rope, 8, 100).frequency == ropeTable({}, 8, 1).frequency);
    // Twice the context: theta grows by (2·2 − 1)^(8/6).
    const double theta = 10000 * std::pow(3, 8 / 6.0);
    CHECK(ropeTable(rope, 8, 200).frequency[1] == Approx(std::pow(theta, -0.25)));
    CHECK(ropeTable(rope, 8, 200).frequency[0] == 1);
}

TEST_CASE("Llama 3's scaling leaves fast components, divides slow ones and blends between", "[core.model]") {
    Rope rope = scaled(Kind::Llama3, 8, 628); // 99.95, 9.995, 0.9995 and 0.09995 turns within it
    rope.scaling.lowFrequency = 1;
    rope.scaling.highFrequency = 19;
    const RopeTable table = ropeTable(rope, 8, 100);
    CHECK(table.frequency[0] == 1);
    const double kept = (628 * 0.1 / kTurn - 1) / 18; // about a half
    CHECK(table.frequency[1] == Approx(0.1 * kept + 0.1 / 8 * (1 - kept)));
    CHECK(table.frequency[2] == Approx(0.01 / 8));
    CHECK(table.frequency[3] == Approx(0.001 / 8));
}

TEST_CASE("YaRN blends by the number of turns and lengthens attention", "[core.model]") {
    Rope rope = scaled(Kind::Yarn, 4, 628);
    rope.scaling.attentionFactor = 1.25f;
    rope.scaling.betaFast = 10;
    rope.scaling.betaSlow = 1;
    // 10 turns are made at pair 0.9998, 1 turn at pair 1.9998: rounded out, from 0 to 2.
    const RopeTable table = ropeTable(rope, 8, 100);
    CHECK(table.attentionFactor == Approx(1.25));
    CHECK(table.frequency[0] == 1);
    CHECK(table.frequency[3] == Approx(0.001 / 4));
    // Pair 1 lies half-way.
    CHECK(table.frequency[1] == Approx(0.1 * 0.5 + 0.1 / 4 * 0.5));
    CHECK(table.frequency[2] == Approx(0.01 / 4));
    rope.scaling.truncate = false;
    const double low = 8 * std::log(628 / (10 * kTurn)) / (2 * std::log(1e4));
    const double high = 8 * std::log(628 / kTurn) / (2 * std::log(1e4));
    const double stretched = (1 - low) / (high - low);
    CHECK(ropeTable(rope, 8, 1).frequency[1] == Approx(0.1 / 4 * stretched + 0.1 * (1 - stretched)));
}
