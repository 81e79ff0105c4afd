#pragma once
// The painting of the quantisation view: keys and values side by side (one above the other where there is no room), of each
// the error of every number, the size of every channel, the numbers with the levels that they go to, and what stands out.

#include <QPainter>
#include <QRectF>
#include <QSizeF>
#include <QString>

#include <cstdint>
#include <optional>

#include "core/engine/stored_head.h"
#include "views/maps/colour_map.h"

namespace fovea {

// One number of one part.
struct StoredCell {
    bool values = false; // else keys
    std::int64_t token = 0;
    int channel = 0;
};

struct StoredScene {
    const StoredHead* head = nullptr;
    std::int64_t token = 0; // looked at
    int channel = 0;
    ColourMap colours = ColourMap::Viridis;
};

// Where the parts of one column lie. Keys have two plots of channels, before and after RoPE, values one of the same height.
struct StoredColumn {
    QRectF caption, map, bar, before, after, histogram, footer;
};
struct StoredLayout {
    StoredColumn keys, values;
};
StoredLayout storedLayout(const QSizeF& size);
// Below this the panel scrolls.
int storedHeight(int width);

void paintStored(QPainter& painter, const QSizeF& size, const StoredScene& scene);

// The number under a point of a map; of a plot of channels the channel, with the token looked at.
std::optional<StoredCell> storedCellAt(const QSizeF& size, const StoredScene& scene, const QPointF& at);
// The tool tip at a point, or nothing.
QString storedTip(const QSizeF& size, const StoredScene& scene, const QPointF& at);

} // namespace fovea
