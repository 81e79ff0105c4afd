#include <catch2/catch.hpp>

#include <cmath>
#include <set>

#include "tests/views/support/synthetic_head.h"
#include "views/maps/map_tiles.h"
#include "views/theme.h"

using namespace fovea;

namespace {

TileStyle plainStyle() {
    TileStyle style;
    style.causal = Qt::black;
    style.veil = QColor(128, 128, 128);
    style.dim = Qt::black;
    style.outline = QColor(255, 180, 84);
    return style;
}

// A map with nothing chosen and one weight everywhere below the diagonal.
std::shared_ptr<HeadMap> flatMap(std::int64_t tokens, float weight) {
    auto map = std::make_shared<HeadMap>();
    map->tokens = map->decodeFrom = map->actsFrom = tokens;
    map->weights.assign(static_cast<std::size_t>(tokens * tokens), 0);
    for (std::int64_t row = 0; row < tokens; ++row)
        std::fill_n(map->weights.begin() + row * tokens, row + 1, weight);
    map->first.assign(static_cast<std::size_t>(tokens) + 1, 0);
    map->missed.assign(static_cast<std::size_t>(tokens), 0);
    return map;
}

QRgb colourOf(ColourScale scale, double value) {
    return colourTable(
        ColourMap::Viridis)[static_cast<std::size_t>(std::lround(fraction(scale, value) * 255))];
}

} // namespace

TEST_CASE("A tile's colours are the table's at the weights of its cells", "[views.maps]") {
    auto map = flatMap(64, 2e-6F);
    const double weights[] = {0.9, 0.03, 4e-3, 2e-4, 1e-7};
    for (std::size_t i = 0; i < std::size(weights); ++i)
        map->weights[40 * 64 + i * 3] = static_cast<float>(weights[i]);
    for (const ColourScale scale : {ColourScale::Log10, ColourScale::Linear, ColourScale::Sqrt}) {
        MapTiles tiles;
        tiles.setData(makeHeadMapData(map));
        TileStyle style = plainStyle();
        style.scale = scale;
        tiles.setStyle(style);
        const QImage& tile = tiles.tile({4, 4, 0, 0});
        for (std::size_t i = 0; i < std::size(weights); ++i)
            CHECK(tile.pixel(static_cast<int>(i) * 12 + 1, 161) == colourOf(scale, weights[i]));
        CHECK(tile.pixel(4 * 20 + 1, 161) == colourOf(scale, 2e-6));
    }
}

TEST_CASE("Above the diagonal there is background, exactly", "[views.maps]") {
    MapTiles tiles;
    tiles.setData(makeHeadMapData(flatMap(64, 0)));
    tiles.setStyle(plainStyle());
    const QImage& tile = tiles.tile({4, 4, 0, 0});
    const QRgb floor = colourTable(ColourMap::Viridis)[0];
    for (int y = 0; y < 256; ++y)
        for (int x = 0; x < 256; ++x)
            REQUIRE(tile.pixel(x, y) == (x / 4 > y / 4 ? qRgb(0, 0, 0) : floor));
}

TEST_CASE("Of 64 bright columns among 4096, at least 63 are seen at fit zoom", "[views.maps]") {
    constexpr int kTokens = 4096, kPixels = 600;
    auto map = flatMap(kTokens, 1e-6F);
    std::set<int> columns;
    for (int i = 0; i < 64; ++i)
        columns.insert((i * 61 + 17) % 3900);
    REQUIRE(columns.size() == 64);
    for (const int column : columns)
        for (int row = column; row < kTokens; ++row)
            map->weights[static_cast<std::size_t>(row) * kTokens + static_cast<std::size_t>(column)] = 0.5F;
    MapTiles tiles;
    tiles.setData(makeHeadMapData(map));
    tiles.setStyle(plainStyle());
    const double scale = static_cast<double>(kPixels) / kTokens;
    const int bottom = kPixels - 2;
    const auto brightAt = [&](int x) {
        return tiles.tile({scale, scale, x / 256, bottom / 256}).pixel(x % 256, bottom % 256) ==
               colourOf(ColourScale::Log10, 0.5);
    };
    int seen = 0;
    for (const int column : columns) { // nine pixels apart; the centre of its block may lie in the next pixel
        const int x = static_cast<int>(column * scale);
        seen += brightAt(x) || brightAt(x + 1) || (x > 0 && brightAt(x - 1)) ? 1 : 0;
    }
    CHECK(seen >= 63);
    // And only there: a map that is bright everywhere would pass as well.
    int bright = 0;
    for (int x = 0; x < kPixels; ++x)
        bright += brightAt(x) ? 1 : 0;
    CHECK(bright <= 64);
}

TEST_CASE("Keys that were read keep their colour, others lie under the veil, earlier rows are dimmed",
          "[views.maps]") {
    auto map = flatMap(64, 0.01F);
    map->decodeFrom = map->actsFrom = 32;
    for (std::size_t row = 0; row < 64; ++row) {
        if (row >= 32)
            map->chosen.insert(map->chosen.end(), {3, 4, 20});
        map->first[row + 1] = static_cast<std::int64_t>(map->chosen.size());
    }
    MapTiles tiles;
    tiles.setData(makeHeadMapData(map));
    tiles.setStyle(plainStyle());
    const QRgb full = colourOf(ColourScale::Log10, 0.01);
    const QColor veiled = mixed(QColor(full), QColor(128, 128, 128), MapTiles::kVeilShare);
    for (const double scale : {4.0, 1.0, 0.25}) { // no outlines at these
        INFO("scale " << scale);
        const QImage& tile = tiles.tile({scale, scale, 0, 0});
        const auto at = [&](int query, int key) {
            return QColor(
                tile.pixel(static_cast<int>((key + 0.5) * scale), static_cast<int>((query + 0.5) * scale)));
        };
        CHECK(at(50, 20) == QColor(full));
        CHECK(at(50, 3) == QColor(full));
        CHECK(at(50, 12) == veiled);
        CHECK(at(20, 12) == mixed(QColor(full), Qt::black, MapTiles::kDimShare));
    }
    // In large cells there is a box within each run of what was read, and the weight's colour around and
    // inside it.
    const QImage& large = tiles.tile({8, 8, 0, 1}); // rows from 32 on
    const QRgb outline = qRgb(255, 180, 84);
    CHECK(large.pixel(8 * 20, 20) == full);
    CHECK(large.pixel(8 * 20 + 1, 20) == outline);
    CHECK(large.pixel(8 * 20 + 4, 20) == full);
    CHECK(large.pixel(8 * 20 + 4, 17) == outline);
    CHECK(large.pixel(8 * 20 + 6, 20) == outline);
    CHECK(large.pixel(8 * 4, 20) == full); // between two neighbours that were both read
    CHECK(large.pixel(8 * 12 + 1, 20) == veiled.rgb());
    // Switched off, nothing is veiled.
    TileStyle bare = plainStyle();
    bare.overlay = false;
    tiles.setStyle(bare);
    CHECK(tiles.tile({4, 4, 0, 0}).pixel(4 * 12 + 1, 4 * 50 + 1) == full);
}

TEST_CASE("Per-row scales multiply each row by its own factor, at any zoom", "[views.maps]") {
    auto map = flatMap(64, 0);
    for (std::size_t row = 0; row < 64; ++row)
        std::fill_n(map->weights.begin() + static_cast<std::ptrdiff_t>(row * 64), row + 1,
                    1.0F / static_cast<float>(row + 1));
    for (const auto& [scale, value] :
         {std::pair(ColourScale::TimesUniform, 1.0), std::pair(ColourScale::RowMax, 1.0)}) {
        MapTiles tiles;
        tiles.setData(makeHeadMapData(map));
        TileStyle style = plainStyle();
        style.scale = scale;
        tiles.setStyle(style);
        for (const double zoom : {4.0, 0.5})
            for (const int row : {0, 7, 63})
                CHECK(tiles.tile({zoom, zoom, 0, 0}).pixel(0, static_cast<int>(row * zoom)) ==
                      colourOf(scale, value));
    }
}

TEST_CASE("Tiles are made once and dropped with their data", "[views.maps]") {
    MapTiles tiles(2);
    tiles.setData(makeHeadMapData(flatMap(512, 0.1F)));
    tiles.setStyle(plainStyle());
    tiles.tile({1, 1, 0, 0});
    tiles.tile({1, 1, 0, 0});
    CHECK(tiles.made() == 1);
    tiles.tile({1, 1, 0, 1});
    tiles.tile({1, 1, 0, 0});
    tiles.tile({1, 1, 1, 1}); // one too many: 0,1 was used least recently
    tiles.tile({1, 1, 0, 0});
    CHECK(tiles.made() == 3);
    tiles.setData(makeHeadMapData(flatMap(512, 0.2F)));
    CHECK(tiles.tile({1, 1, 0, 0}).pixel(0, 100) == colourOf(ColourScale::Log10, 0.2));
}

TEST_CASE("Data whose parts do not fit together are refused", "[views.maps]") {
    CHECK_FALSE(makeHeadMapData(nullptr));
    auto map = flatMap(8, 0.1F);
    map->weights.pop_back();
    CHECK_FALSE(makeHeadMapData(map));
    map = flatMap(8, 0.1F);
    map->first.back() = 5;
    CHECK_FALSE(makeHeadMapData(map));
}
