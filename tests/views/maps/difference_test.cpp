// The head map of A − B: nothing of a difference is lost by zooming out, and colours say which plan weighs more.
#include <catch2/catch.hpp>

#include <cmath>
#include <random>

#include "views/maps/colour_map.h"
#include "views/maps/head_map_view.h"
#include "views/maps/map_tiles.h"
#include "views/maps/pyramid.h"

using namespace fovea;

namespace {

constexpr std::int64_t kTokens = 300;

// Weights of A all alike; B has them all on one key per row, every 50th row on key 7, else on the row's own.
std::shared_ptr<const HeadMapData> differing(MapMode mode) {
    auto map = std::make_shared<HeadMap>();
    map->tokens = kTokens;
    map->layer = 2;
    map->head = 1;
    map->weights.resize(kTokens * kTokens);
    map->missed.resize(kTokens);
    map->first.resize(kTokens + 1);
    auto b = std::make_shared<std::vector<float>>(kTokens * kTokens, 0.f);
    for (std::int64_t i = 0; i < kTokens; ++i) {
        for (std::int64_t j = 0; j <= i; ++j)
            map->weights[static_cast<std::size_t>(i * kTokens + j)] = 1.f / static_cast<float>(i + 1);
        (*b)[static_cast<std::size_t>(i * kTokens + (i % 50 == 49 ? 7 : i))] = 1;
    }
    return makeHeadMapData(map, mode, {nullptr, b});
}

bool orange(QRgb c) { return qRed(c) > qBlue(c) + 30; }
bool blue(QRgb c) { return qBlue(c) > qRed(c) + 30; }

} // namespace

TEST_CASE("A pyramid of differences keeps what is furthest from 0, with its sign", "[views.maps]") {
    constexpr std::int64_t n = 97;
    std::vector<float> values(n * n);
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    for (float& value : values)
        value = normal(random);
    const auto pyramid = buildPyramid(values.data(), n, n, {}, true);
    REQUIRE(pyramid->differences());
    for (int level = 0; level < pyramid->levels(); ++level) {
        const std::int64_t side = std::int64_t{1} << level;
        for (std::int64_t row = 0; row < pyramid->level(level).rows; ++row)
            for (std::int64_t column = 0; column < pyramid->level(level).columns; ++column) {
                float furthest = 0;
                bool any = false;
                for (std::int64_t i = row * side; i < std::min(n, (row + 1) * side); ++i)
                    for (std::int64_t j = column * side; j < std::min(i + 1, (column + 1) * side); ++j) {
                        const float value = values[static_cast<std::size_t>(i * n + j)];
                        furthest = std::abs(value) > std::abs(furthest) ? value : furthest;
                        any = true;
                    }
                const float kept = pyramid->at(level, row, column);
                CAPTURE(level, row, column);
                if (any)
                    REQUIRE(kept == furthest);
                else
                    REQUIRE(std::isnan(kept));
            }
    }
}

TEST_CASE("The bar of differences is the scale and its mirror, with 0 in the middle", "[views.maps]") {
    for (const ColourScale scale : {ColourScale::Log10, ColourScale::Linear, ColourScale::Sqrt, ColourScale::RowMax,
                                    ColourScale::TimesUniform}) {
        CHECK(differenceFraction(scale, 0) == 0.5);
        CHECK(differenceFraction(scale, 1e9) == 1);
        CHECK(differenceFraction(scale, -1e9) == 0);
        const auto ticks = differenceTicks(scale);
        CHECK(ticks.size() % 2 == 1);
        for (std::size_t i = 0; i < ticks.size(); ++i) {
            CHECK(ticks[i].fraction + ticks[ticks.size() - 1 - i].fraction == Approx(1));
            if (i > 0)
                CHECK(ticks[i].fraction < ticks[i - 1].fraction);
        }
        CHECK(ticks[ticks.size() / 2].label == "0");
        const ColourLookup lookup(scale);
        for (const float value : {0.f, 1e-4f, 0.03f, 0.5f, 1.f}) {
            CHECK(std::abs(lookup.ofDifference(value) - differenceFraction(scale, static_cast<double>(value)) * 255) < 2);
            CHECK(std::abs(lookup.ofDifference(-value) - differenceFraction(scale, static_cast<double>(-value)) * 255) < 2);
        }
    }
    CHECK(blue(differenceTable()[255]));
    CHECK(orange(differenceTable()[0]));
}

TEST_CASE("Data of the three modes draw A's weights, B's and their difference", "[views.maps]") {
    const auto a = differing(MapMode::A), b = differing(MapMode::B), d = differing(MapMode::Difference);
    CHECK(a->pyramid->at(0, 99, 7) == 0.01f);
    CHECK(b->pyramid->at(0, 99, 7) == 1);
    CHECK(d->pyramid->at(0, 99, 7) == Approx(-0.99f));
    CHECK(d->a(99, 7) == 0.01f);
    CHECK(d->b(99, 7) == 1);
    CHECK(makeHeadMapData(a->map, MapMode::B, {nullptr, std::make_shared<std::vector<float>>(5)}) == nullptr);
}

TEST_CASE("A difference of one cell in a hundred rows is seen from afar", "[views.maps]") {
    MapTiles tiles;
    tiles.setData(differing(MapMode::Difference));
    TileStyle style;
    style.difference = true;
    style.scale = ColourScale::Linear;
    style.causal = QColor(1, 2, 3);
    tiles.setStyle(style);
    const QImage& tile = tiles.tile({0.25, 0.25, 0, 0});
    CHECK(tile.pixel(60, 2) == style.causal.rgb());
    CHECK(orange(tile.pixel(7 / 4, 99 / 4))); // B alone reads key 7 there
    CHECK_FALSE(orange(tile.pixel(7 / 4 + 3, 99 / 4)));
}

TEST_CASE("The view says of a cell what A and B use, and exports all three", "[views.maps]") {
    HeadMapView view;
    view.resize(600, 400);
    view.setData(differing(MapMode::Difference));
    CHECK(view.describe(99, 7) == "query 99 → key 7: A uses 0.01, B uses 1, A − B −0.99");
    CHECK(view.describe(99, 8) == "query 99 → key 8: A uses 0.01, B uses 0, A − B 0.01");
    view.showRange(99, 99, 7, 8);
    const QString csv = view.toCsv();
    CHECK(csv.startsWith("layer,head,query,key,a,b,difference\n"));
    CHECK(csv.contains("2,1,99,7,0.00999999978,1,-0.99"));
    CHECK_FALSE(view.renderToImage({600, 400}).isNull());
    view.setData(differing(MapMode::A));
    CHECK(view.toCsv().startsWith("layer,head,query,key,weight,read,evicted\n"));
}
