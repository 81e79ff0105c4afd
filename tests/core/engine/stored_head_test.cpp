// What a store makes of captured rows, by hand where a hand can, and against the store's own codes.

#include "core/engine/stored_head.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/engine/capture.h"
#include "core/plan/attention_plan.h"
#include "tests/support/some_codecs.h"

#include <catch2/catch.hpp>

namespace fovea {
namespace {

using Rows = std::vector<std::vector<float>>;

// One layer, one KV head, given keys and values.
Capture captureOf(const Rows& keys, const Rows& values, ModelSpec spec = {}) {
    spec.layers = 1, spec.queryHeads = 1, spec.kvHeads = 1, spec.context = 4096;
    spec.headDim = static_cast<int>(keys.front().size());
    Capture capture(spec, std::ssize(keys), 1 << 30);
    const std::vector<float> q(keys.front().size());
    for (std::size_t t = 0; t < keys.size(); ++t)
        capture.write(0, static_cast<std::int64_t>(t), q.data(), keys[t].data(), values[t].data());
    return capture;
}

Rows randomRows(std::int64_t tokens, int d, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    Rows rows(static_cast<std::size_t>(tokens), std::vector<float>(static_cast<std::size_t>(d)));
    for (auto& row : rows)
        for (float& x : row)
            x = normal(random);
    return rows;
}

StoredHead headOf(const Rows& rows, const Store& store) {
    return storedHead(captureOf(rows, rows), store, std::ssize(rows), 0, 0);
}

} // namespace

TEST_CASE("A row of four at 4 bits has the levels and the errors of the sheet", "[core.engine][stored]") {
    const StoredHead head = headOf({{-1, 0, .3f, 1}}, RtnParams{});
    const StoredPart& v = head.values;
    const auto levels = v.levels.at(0, 2);
    REQUIRE(levels.size() == 16); // s = 2/15, z = 8
    CHECK(levels.front() == Approx(-8 * 2 / 15.).epsilon(1e-3));
    CHECK(levels[8] == 0);
    CHECK(levels.back() == Approx(7 * 2 / 15.).epsilon(1e-3));
    const double errors[] = {1 / 15., 0, 1 / 30., 1 / 15.}; // of −1.0667, 0, .2667, .9333
    for (int c = 0; c < 4; ++c) {
        CHECK(v.error(0, c) == Approx(errors[c]).margin(1e-3));
        CHECK(v.channelError[c] == Approx(errors[c]).margin(1e-3)); // one token
    }
    CHECK(v.mostError == Approx(1 / 15.).margin(1e-3));
    CHECK(v.relativeError == Approx(std::sqrt(.01 / 2.09)).epsilon(.02));
    CHECK(v.bits == Approx(4 + 24 / 4.)); // a scale of 16 bits and a zero of 8 for these four
}

TEST_CASE("What is held is one of its group's levels, at every bit-width, and the nearest of them",
          "[core.engine][stored]") {
    const int bits = GENERATE(8, 4, 3, 2), group = GENERATE(32, 128);
    const auto mode = GENERATE(RtnParams::Mode::Asymmetric, RtnParams::Mode::Symmetric);
    const RtnParams rtn{.bits = bits, .group = group, .mode = mode};
    const StoredHead head = headOf(randomRows(9, 80, 3), rtn);
    for (const StoredPart* part : {&head.keys, &head.values})
        for (std::int64_t t = 0; t < part->tokens; ++t)
            for (int c = 0; c < part->channels; ++c) {
                const auto levels = part->levels.at(t, c);
                REQUIRE(levels.size() == static_cast<std::size_t>(1 << bits));
                const float held = part->held[t * part->channels + c];
                REQUIRE(std::find(levels.begin(), levels.end(), held) != levels.end());
                for (const float level : levels)
                    REQUIRE(part->error(t, c) <=
                            std::abs(part->exact[t * part->channels + c] - level) + 1e-6f);
            }
    CHECK(head.keys.levels.group(4, 79).firstChannel == (group == 32 ? 64 : 0));
    CHECK(head.keys.levels.group(4, 79).endChannel == 80);
}

TEST_CASE("Under a mixed store what is coded is one of its group's levels, and what waits is as it came",
          "[core.engine][stored]") {
    const Store store = GENERATE(Store(KiviParams{.bits = 2, .group = 32, .residual = 32}),
                                 Store(KiviParams{.bits = 4, .group = 64, .residual = 64}),
                                 Store(KvquantParams{.bits = 3, .outliers = 0, .exact = 2}),
                                 Store(CqParams{.channels = 4, .bits = 5, .recent = 9}));
    const int d = 40;
    const Rows rows = randomRows(75, d, 5);
    Capture capture = captureOf(rows, rows);
    const auto turn = std::make_shared<const PositionTurn>(capture.spec(), 0);
    capture.readCodecsBy([&](const Store& of) { return test::someCodecs(of, 1, d, turn); });
    const StoredHead head = storedHead(capture, store, 75, 0, 0);
    const auto mixed = mixedStore(store, d);
    for (const bool keys : {true, false}) {
        const StoredPart& part = keys ? head.keys : head.values;
        const ExactRows& exact = (keys ? mixed->keys : mixed->values).exact;
        CHECK(part.bits == storedBits(store, ElementType::F32, d, keys ? Component::Keys : Component::Values));
        for (std::int64_t t = 0; t < part.tokens; ++t)
            for (int c = 0; c < part.channels; ++c) {
                INFO("store " << store.index() << (keys ? ", key " : ", value ") << t << ", " << c);
                REQUIRE(part.levels.coded(t) == !exact.keep(t, 75));
                const float held = part.held[static_cast<std::size_t>(t * d + c)];
                if (!part.levels.coded(t)) {
                    REQUIRE(part.error(t, c) == 0);
                    continue;
                }
                const auto levels = part.levels.at(t, c);
                REQUIRE(std::is_sorted(levels.begin(), levels.end()));
                REQUIRE(std::any_of(levels.begin(), levels.end(),
                                    [held](float level) { return std::abs(level - held) < 1e-5f; }));
            }
    }
}

TEST_CASE("Fewer bits lose more, and floats what their mantissa leaves out", "[core.engine][stored]") {
    const Rows rows = randomRows(40, 32, 5);
    double before = 0;
    for (const int bits : {8, 4, 3, 2}) {
        const double lost = headOf(rows, RtnParams{.bits = bits}).keys.relativeError;
        CHECK(lost > 1.5 * before);
        before = lost;
    }
    const auto one = [](ElementType type) { return headOf({{1 + 1 / 512.f, 1, -2, 4}}, type); };
    CHECK(one(ElementType::F32).keys.mostError == 0);
    CHECK(one(ElementType::F16).keys.mostError == 0);
    CHECK(one(ElementType::BF16).keys.mostError == 1 / 512.f); // seven bits behind the point
    CHECK(one(ElementType::BF16).keys.bits == 16);
    CHECK(one(ElementType::BF16).keys.levels.at(0, 0).empty());
    // A store that is the model's own is of the model's type.
    ModelSpec spec;
    spec.type = ElementType::BF16;
    const StoredHead own = storedHead(captureOf({{1 + 1 / 512.f, 0}}, {{1, 2}}, spec), {}, 1, 0, 0);
    CHECK(own.type == ElementType::BF16);
    CHECK(own.keys.mostError == 1 / 512.f);
    CHECK(own.values.mostError == 0);
}

TEST_CASE("A key that is one channel before RoPE is two after it", "[core.engine][stored]") {
    Rows keys, values;
    for (int p = 0; p < 63;
         ++p) { // 3·(cos p, sin p) in channels 0 and d/2; the second pair turns slowly and is 0
        keys.push_back({3 * std::cos(static_cast<float>(p)), 0, 3 * std::sin(static_cast<float>(p)), 0});
        values.push_back({1, -2, 0, static_cast<float>(p)});
    }
    const StoredHead head = storedHead(captureOf(keys, values), {}, 63, 0, 0);
    REQUIRE(head.keys.before.size() == 4);
    CHECK(head.keys.before[0].most == Approx(3));
    CHECK(head.keys.before[0].mean == Approx(3));
    CHECK(head.keys.before[2].most == Approx(0).margin(1e-4));
    CHECK(head.keys.sizes[0].most == Approx(3));
    CHECK(head.keys.sizes[2].most == Approx(3).epsilon(1e-3));
    CHECK(head.keys.sizes[2].mean == Approx(3 * 2 / M_PI).epsilon(.02)); // mean |sin|
    CHECK(head.keys.sizes[1].most == 0);
    CHECK(head.values.before.empty());
    CHECK(head.values.sizes[1].most == 2);
    CHECK(head.values.sizes[3].mean == 31);
    ModelSpec grows;
    grows.rope.scaling.kind = RopeScaling::Kind::Dynamic;
    CHECK(storedHead(captureOf(keys, values, grows), {}, 63, 0, 0).keys.before.empty());
}

TEST_CASE("Outliers are counted beyond the bound that is stated, in their channels",
          "[core.engine][stored]") {
    Rows rows(25, {1, -1, 1, -1}); // mean 0; 100 numbers
    rows[3][2] = 21, rows[7][2] = -21;
    const StoredHead head = headOf(rows, {});
    const Outliers& out = head.values.outliers;
    const double deviation = std::sqrt((98 + 2 * 441) / 100.); // of 98 numbers ±1 and two ±21
    CHECK(out.above == Approx(3 * deviation).epsilon(.01));
    CHECK(out.below == Approx(-3 * deviation).epsilon(.01));
    CHECK(out.count == 2);
    CHECK(out.perChannel == std::vector<std::int64_t>{0, 0, 2, 0});
    const NumberHistogram& bins = head.values.histogram;
    CHECK(bins.first == -21);
    CHECK(bins.last == 21);
    REQUIRE(bins.counts.size() == kHistogramBins);
    CHECK(bins.counts.front() == 1);
    CHECK(bins.counts.back() == 1);
    std::int64_t all = 0;
    for (const std::int64_t n : bins.counts)
        all += n;
    CHECK(all == 100);
}

TEST_CASE("What is no number is counted apart and spoils no sum", "[core.engine][stored]") {
    const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    const StoredHead head = headOf({{1, nan, inf, 2}, {1, 2, 3, 4}}, ElementType::BF16);
    CHECK(head.values.notFinite == 2);
    CHECK(head.values.relativeError == 0);
    CHECK(head.values.sizes[2].most == 3);
    CHECK(head.values.histogram.last == 4);
    CHECK(std::isnan(head.values.error(0, 1)));
    const StoredHead none = headOf({{nan, nan}}, RtnParams{});
    CHECK(none.values.notFinite == 2);
    CHECK(std::isfinite(none.values.relativeError));
}

TEST_CASE("Groups of several tokens, and tokens that are held as they are", "[core.engine][stored]") {
    // Channel by channel over four tokens, the first two and the newest one as they are.
    CodeLevels levels{.firstToken = 2,
                      .endToken = 8,
                      .tokensPerGroup = 4,
                      .channels = 2,
                      .channelsPerGroup = 1,
                      .perGroup = 2};
    levels.levels = {0, 1, 10, 11, 20, 21, 30, 31}; // (2 along, 2 across, 2)
    CHECK(levels.at(1, 0).empty());
    CHECK(levels.at(8, 0).empty());
    CHECK(levels.at(2, 0)[0] == 0);
    CHECK(levels.at(5, 1)[1] == 11);
    CHECK(levels.at(6, 0)[0] == 20);
    const CodeLevels::Block last = levels.group(7, 1), alone = levels.group(8, 1);
    CHECK(last.firstToken == 6);
    CHECK(last.endToken == 8);
    CHECK(last.firstChannel == 1);
    CHECK(last.endChannel == 2);
    CHECK(alone.endToken - alone.firstToken == 1);
}

} // namespace fovea
