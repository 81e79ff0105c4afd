#include "views/maps/map_tiles.h"

#include <QHashFunctions>
#include <algorithm>
#include <cmath>
#include <vector>

#include "views/theme.h"

namespace fovea {
namespace {

enum RowKind : std::uint8_t { Plain, Dimmed, Planned };

ColourTable blended(const ColourTable& table, const QColor& over, double share) {
    ColourTable result;
    for (std::size_t i = 0; i < table.size(); ++i)
        result[i] = mixed(QColor(table[i]), over, share).rgb();
    return result;
}

std::vector<float> rowFactors(const HeadMapData& data, ColourScale scale) {
    const Pyramid& pyramid = *data.pyramid;
    const bool differences = pyramid.differences();
    std::vector<float> factors(static_cast<std::size_t>(pyramid.rows()));
    for (std::int64_t row = 0; row < pyramid.rows(); ++row) {
        const float* weights = pyramid.level(0).values + row * pyramid.columns();
        const std::int64_t visible = pyramid.visible(row);
        float largest = 0;
        for (std::int64_t i = 0; i < visible; ++i)
            largest = std::max(largest, differences ? std::abs(weights[i]) : weights[i]);
        factors[static_cast<std::size_t>(row)] = scale == ColourScale::TimesUniform
                                                     ? static_cast<float>(visible)
                                                 : largest > 0 ? 1 / largest
                                                               : 0;
    }
    return factors;
}

} // namespace

std::size_t qHash(const TileKey& key, std::size_t seed) {
    return qHashMulti(seed, key.keyScale, key.queryScale, key.x, key.y);
}

// One tile in the making, with a margin on every side so that outlines do not stop at its edge.
struct MapTiles::Paint {
    static constexpr int kMargin = 2;
    static constexpr int kWide = kSide + 2 * kMargin;

    int level = 0;
    bool outlined = false;
    std::vector<Span> columns, rows;        // of each of kWide pixels
    std::vector<std::uint8_t> chosen;       // (kWide, kWide)
    std::array<std::uint8_t, kWide> kind{}; // RowKind of each pixel row
    std::array<std::int64_t, kWide> gone{}; // the first query that finds every key of a pixel column evicted

    const std::uint8_t* chosenRow(int y) const { return chosen.data() + static_cast<std::size_t>(y * kWide); }
};

MapTiles::MapTiles(int capacity) : m_cache(capacity) {}

void MapTiles::setData(std::shared_ptr<const HeadMapData> data) {
    if (data == m_data)
        return;
    m_data = std::move(data);
    m_pyramid.reset();
    m_cache.clear();
}

void MapTiles::setStyle(const TileStyle& style) {
    if (m_lookup && style == m_style)
        return;
    if (!m_lookup || style.scale != m_style.scale) {
        m_lookup.emplace(style.scale);
        m_pyramid.reset();
    }
    m_style = style;
    makeTables();
    m_cache.clear();
}

void MapTiles::makeTables() {
    m_plain = m_style.difference ? differenceTable() : colourTable(m_style.map);
    m_veiled = blended(m_plain, m_style.veil, kVeilShare);
    m_dimmed = blended(m_plain, m_style.dim, kDimShare);
    // What was evicted is further away than what is merely not read: darker, and hatched.
    m_gone = blended(m_veiled, m_style.causal, 0.45);
    m_hatched = blended(m_gone, m_style.veil, 0.55);
}

const QImage& MapTiles::tile(const TileKey& key) {
    if (const QImage* found = m_cache.object(key))
        return *found;
    if (!m_pyramid) {
        const bool scaled =
            m_style.scale == ColourScale::RowMax || m_style.scale == ColourScale::TimesUniform;
        m_pyramid = scaled ? buildPyramid(m_data->drawn(), m_data->map->tokens, m_data->map->tokens,
                                          rowFactors(*m_data, m_style.scale), m_style.difference)
                           : m_data->pyramid;
    }
    auto* image = new QImage(render(key));
    m_cache.insert(key, image);
    ++m_made;
    return *image;
}

// Where blocks are smaller than pixels every block belongs to the one pixel that its centre lies in; where
// they are larger every pixel belongs to the block that its centre lies in. MapTransform::cellAt says the
// same.
std::vector<MapTiles::Span> MapTiles::spans(int pixelFirst, int count, double scale, int level,
                                            std::int64_t blocks) const {
    std::vector<Span> result(static_cast<std::size_t>(count));
    const double blockPixels = std::ldexp(scale, level);
    for (int i = 0; i < count; ++i) {
        const double pixel = pixelFirst + i;
        double first = std::ceil(pixel / blockPixels - 0.5), end = std::ceil((pixel + 1) / blockPixels - 0.5);
        if (blockPixels >= 1) {
            first = std::floor((pixel + 0.5) / blockPixels);
            end = first + 1;
        }
        result[static_cast<std::size_t>(i)] = {
            std::clamp<std::int64_t>(static_cast<std::int64_t>(first), 0, blocks),
            std::clamp<std::int64_t>(static_cast<std::int64_t>(end), 0, blocks)};
    }
    return result;
}

QImage MapTiles::render(const TileKey& key) const {
    Paint paint;
    const double larger = std::max(key.keyScale, key.queryScale);
    paint.level = std::clamp(static_cast<int>(std::floor(std::log2(1 / larger))), 0, m_pyramid->levels() - 1);
    paint.outlined = std::min(key.keyScale, key.queryScale) >= kOutlineFrom;
    const Pyramid::Level& level = m_pyramid->level(paint.level);
    paint.columns =
        spans(key.x * kSide - Paint::kMargin, Paint::kWide, key.keyScale, paint.level, level.columns);
    paint.rows = spans(key.y * kSide - Paint::kMargin, Paint::kWide, key.queryScale, paint.level, level.rows);
    if (m_style.overlay && m_data->anyChosen) {
        markChosen(paint);
        markGone(paint);
    }
    const bool differences = m_pyramid->differences();
    const float none = differences ? kNoDifference : kNoData;

    QImage image(kSide, kSide, QImage::Format_RGB32);
    const std::int64_t first = paint.columns[Paint::kMargin].first;
    const std::int64_t end = paint.columns[Paint::kMargin + kSide - 1].end;
    std::vector<float> pooled(static_cast<std::size_t>(std::max<std::int64_t>(end - first, 0)));
    std::array<float, kSide> weights{};
    for (int y = 0; y < kSide; ++y) {
        const Span rows = paint.rows[static_cast<std::size_t>(y + Paint::kMargin)];
        const Span before = paint.rows[static_cast<std::size_t>(y + Paint::kMargin - 1)];
        if (y == 0 || rows.first != before.first || rows.end != before.end) {
            std::fill(pooled.begin(), pooled.end(), none);
            for (std::int64_t row = rows.first; row < rows.end; ++row) {
                const std::int64_t stop = paint.level == 0 ? std::min(end, m_pyramid->visible(row)) : end;
                const float* from = level.values + row * level.columns;
                for (std::int64_t column = first; column < stop; ++column)
                    pooled[static_cast<std::size_t>(column - first)] =
                        pooledOf(pooled[static_cast<std::size_t>(column - first)], from[column], differences);
            }
            for (int x = 0; x < kSide; ++x) {
                const Span columns = paint.columns[static_cast<std::size_t>(x + Paint::kMargin)];
                float largest = none;
                for (std::int64_t column = columns.first; column < columns.end; ++column)
                    largest = pooledOf(largest, pooled[static_cast<std::size_t>(column - first)], differences);
                weights[static_cast<std::size_t>(x)] = largest;
            }
        }
        colourRow(paint, key, y, weights.data(), reinterpret_cast<QRgb*>(image.scanLine(y)));
    }
    return image;
}

void MapTiles::markChosen(Paint& paint) const {
    constexpr int kWide = Paint::kWide;
    paint.chosen.assign(static_cast<std::size_t>(kWide * kWide), 0);
    const std::int64_t firstBlock = paint.columns.front().first, endBlock = paint.columns.back().end;
    if (endBlock <= firstBlock)
        return;
    // Pixels of each block of this tile: the inverse of paint.columns.
    std::vector<std::pair<int, int>> pixels(static_cast<std::size_t>(endBlock - firstBlock), {kWide, 0});
    for (int x = 0; x < kWide; ++x) {
        const Span span = paint.columns[static_cast<std::size_t>(x)];
        for (std::int64_t block = span.first; block < span.end; ++block) {
            auto& [begin, stop] = pixels[static_cast<std::size_t>(block - firstBlock)];
            begin = std::min(begin, x);
            stop = x + 1;
        }
    }
    const HeadMap& map = *m_data->map;
    const auto firstKey = static_cast<std::int32_t>(firstBlock << paint.level);
    const auto endKey = static_cast<std::int32_t>(std::min(endBlock << paint.level, map.tokens));
    for (int y = 0; y < kWide; ++y) {
        const Span rows = paint.rows[static_cast<std::size_t>(y)];
        const std::int64_t firstRow = rows.first << paint.level;
        const std::int64_t endRow = std::min(rows.end << paint.level, map.tokens);
        std::uint8_t* marks = paint.chosen.data() + static_cast<std::size_t>(y * kWide);
        auto& kind = paint.kind[static_cast<std::size_t>(y)];
        const Span& before = paint.rows[static_cast<std::size_t>(std::max(y - 1, 0))];
        if (y > 0 && rows.first == before.first && rows.end == before.end) {
            std::copy(marks - kWide, marks, marks);
            kind = paint.kind[static_cast<std::size_t>(y - 1)];
            continue;
        }
        kind = firstRow < endRow && endRow <= map.actsFrom ? Dimmed : Plain;
        for (std::int64_t row = firstRow; row < endRow; ++row) {
            const auto chosen = m_data->chosenBy(row);
            if (chosen.empty())
                continue;
            kind = Planned;
            auto at = std::lower_bound(chosen.begin(), chosen.end(), firstKey);
            for (; at != chosen.end() && *at < endKey; ++at) {
                const auto [begin, stop] =
                    pixels[static_cast<std::size_t>((*at >> paint.level) - firstBlock)];
                for (int x = begin; x < stop; ++x)
                    marks[x] = 1;
            }
        }
    }
}

void MapTiles::markGone(Paint& paint) const {
    const HeadMap& map = *m_data->map;
    for (std::size_t x = 0; x < paint.gone.size(); ++x) {
        const std::int64_t first = paint.columns[x].first << paint.level;
        const std::int64_t end = std::min(paint.columns[x].end << paint.level, map.tokens);
        const auto begin = map.gone.begin();
        paint.gone[x] =
            map.gone.empty() || first >= end ? map.tokens : *std::max_element(begin + first, begin + end);
    }
}

void MapTiles::colourRow(const Paint& paint, const TileKey& key, int y, const float* weights,
                         QRgb* out) const {
    const QRgb causal = m_style.causal.rgb();
    if (m_style.difference) {
        for (int x = 0; x < kSide; ++x)
            out[x] = std::isnan(weights[x]) ? causal : m_plain[m_lookup->ofDifference(weights[x])];
        return;
    }
    const auto kind = static_cast<RowKind>(paint.kind[static_cast<std::size_t>(y + Paint::kMargin)]);
    if (kind != Planned) {
        const ColourTable& dense = kind == Dimmed ? m_dimmed : m_plain;
        for (int x = 0; x < kSide; ++x)
            out[x] = weights[x] < 0 ? causal : dense[(*m_lookup)(weights[x])];
        return;
    }
    const std::uint8_t* chosen = paint.chosenRow(y + Paint::kMargin) + Paint::kMargin;
    const std::int64_t row = paint.rows[static_cast<std::size_t>(y + Paint::kMargin)].first << paint.level;
    for (int x = 0; x < kSide; ++x) {
        const bool gone = !chosen[x] && paint.gone[static_cast<std::size_t>(x + Paint::kMargin)] <= row;
        const bool line = ((key.x + key.y) * kSide + x + y) % kHatch == 0; // on through every tile
        const ColourTable& table = chosen[x] ? m_plain : !gone ? m_veiled : line ? m_hatched : m_gone;
        out[x] = weights[x] < 0 ? causal : table[(*m_lookup)(weights[x])];
    }
    if (paint.outlined)
        outlineRow(paint, y, out);
}

// A box within each run of chosen keys of a row, one pixel in from the run's edge: a line on the edge itself
// could as well be the outline of the neighbours.
void MapTiles::outlineRow(const Paint& paint, int y, QRgb* out) const {
    const auto row = [&](int offset) {
        return paint.rows[static_cast<std::size_t>(y + Paint::kMargin + offset)].first;
    };
    if (row(-1) != row(0) || row(1) != row(0))
        return;
    const bool topOrBottom = row(-2) != row(0) || row(2) != row(0);
    const std::uint8_t* chosen = paint.chosenRow(y + Paint::kMargin) + Paint::kMargin;
    for (int x = 0; x < kSide; ++x) {
        const bool within = chosen[x - 1] && chosen[x] && chosen[x + 1];
        if (within && (topOrBottom || !chosen[x - 2] || !chosen[x + 2]))
            out[x] = m_style.outline.rgb();
    }
}

} // namespace fovea
