#pragma once
// Coloured tiles of 256² pixels of a head map, made when first seen and kept while they are used (least
// recently used go first). A tile belongs to a scale, not to a level: each of its pixels is the largest
// weight of the cells it covers, found in the finest pyramid level whose blocks are no larger than a pixel.
// So nothing is lost by zooming out, and one pixel is one pixel.
//
// Drawn into a tile: the weights, the diagonal's other side in the theme's `causal` colour, rows from before
// decode-from dimmed, keys a plan did not read under a grey veil, and within each run of keys it read an
// outline once cells are large enough to have one.

#include <QCache>
#include <QColor>
#include <QImage>
#include <array>
#include <memory>
#include <optional>

#include "views/maps/colour_map.h"
#include "views/maps/head_map_data.h"

namespace fovea {

struct TileStyle {
    ColourScale scale = ColourScale::Log10;
    ColourMap map = ColourMap::Viridis;
    bool overlay = true;
    bool difference = false; // A − B: its own colours, nothing laid over
    QColor causal, veil, dim, outline;

    bool operator==(const TileStyle&) const = default;
};

struct TileKey {
    double keyScale = 0, queryScale = 0; // pixels per cell
    int x = 0, y = 0;                    // tile of the whole matrix's picture

    bool operator==(const TileKey&) const = default;
};
std::size_t qHash(const TileKey& key, std::size_t seed = 0);

class MapTiles {
public:
    static constexpr int kSide = 256;
    static constexpr double kOutlineFrom = 7;  // pixels per cell, both ways
    static constexpr double kVeilShare = 0.72; // of grey over what was not read
    static constexpr double kDimShare = 0.30;  // of panel colour over rows read before decode-from
    static constexpr int kHatch = 7;           // pixels from line to line over keys that left the cache

    explicit MapTiles(int capacity = 96); // tiles, 256 KiB each

    // Either one drops every tile if it changes anything.
    void setData(std::shared_ptr<const HeadMapData> data);
    void setStyle(const TileStyle& style);

    const QImage& tile(const TileKey& key);
    int made() const { return m_made; } // since construction: what a test can count

private:
    struct Span {
        std::int64_t first, end; // blocks of one pixel
    };
    struct Paint;
    void makeTables();
    std::vector<Span> spans(int pixelFirst, int count, double scale, int level, std::int64_t blocks) const;
    QImage render(const TileKey& key) const;
    void markChosen(Paint& paint) const;
    void markGone(Paint& paint) const;
    void colourRow(const Paint& paint, const TileKey& key, int y, const float* weights, QRgb* out) const;
    void outlineRow(const Paint& paint, int y, QRgb* out) const;

    std::shared_ptr<const HeadMapData> m_data;
    std::shared_ptr<const Pyramid> m_pyramid; // m_data's, or one of rows scaled as the style asks
    TileStyle m_style;
    std::optional<ColourLookup> m_lookup;
    ColourTable m_plain{}, m_veiled{}, m_dimmed{}, m_gone{}, m_hatched{};
    QCache<TileKey, QImage> m_cache;
    int m_made = 0;
};

} // namespace fovea
