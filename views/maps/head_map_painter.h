#pragma once
// Draws a head map with everything around it: axes, colour bar, missed mass, cursor. Knows nothing of events,
// so that the screen and an exported picture are the same drawing.

#include <QPainter>
#include <QRect>
#include <QString>
#include <memory>
#include <vector>

#include "views/maps/colour_map.h"
#include "views/maps/head_map_data.h"
#include "views/maps/map_tiles.h"
#include "views/maps/map_transform.h"

namespace fovea {

struct HeadMapScene {
    std::shared_ptr<const HeadMapData> data;
    std::vector<QString> tokens;
    MapTransform view;
    ColourScale scale = ColourScale::Log10;
    ColourMap map = ColourMap::Viridis;
    int query = -1, key = -1;
    QString planLabel = QStringLiteral("B");
    bool overlay = true;
    QString emptyText;

    MapMode mode() const { return data ? data->mode : MapMode::A; }
    // What B read is laid over A's weights only: B's own show it by themselves, and a difference has its own colours.
    bool overlaid() const { return overlay && data && data->anyChosen && data->mode == MapMode::A; }
};

// Where the parts stand. `missed` and `share` are empty when no row read a selection.
struct HeadMapLayout {
    QRect map;    // the cells
    QRect share;  // strip below it: share of the planned rows in view that read each key
    QRect missed; // bars at its right, one per row
    QRect bar;    // colour bar
    QRect whole;
    int footer = 0; // height of the line below, for exports
};

HeadMapLayout layoutOf(const HeadMapScene& scene, QSize size, bool footer);

// `ratio`: device pixels per pixel.
void paintHeadMap(QPainter& painter, const HeadMapScene& scene, const HeadMapLayout& layout, MapTiles& tiles,
                  double ratio);

// "layer 5 · head 3 · queries 380–507 · keys 0–507 · weight, log₁₀ 1e-6 … 1, viridis"
QString sceneCaption(const HeadMapScene& scene);
QString rangeCaption(const HeadMapScene& scene);

// Per visible key, the share of the planned rows in view (that can see it) which read it. Empty without any.
std::vector<float> readShares(const HeadMapScene& scene);

} // namespace fovea
