#pragma once
// Where a span map's cells lie. Internal to the view.

#include <QRectF>

#include "views/maps/span_map_view.h"

namespace fovea {

struct SpanMapView::Grid {
    static constexpr double kNames = 28, kHeads = 18, kBar = 54, kNote = 32, kMargin = 8;
    static constexpr double kHeld = 3, kPixelsPerStep = 5;

    QRectF cells;                            // all of them
    double width = 0, height = 0;            // of a cell's place, gaps included
    double gap = 0, groupGap = 0, below = 0; // between cells, beside a group, under a row for what is held
    int group = 1;

    QRectF cell(int layer, int head) const {
        return {cells.left() + head * width + head / group * groupGap, cells.top() + layer * (height + below), width - gap,
                height - gap};
    }
};

} // namespace fovea
