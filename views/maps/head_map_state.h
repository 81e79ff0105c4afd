#pragma once
// What a HeadMapView holds; shared by the files that implement it.

#include "views/maps/head_map_painter.h"
#include "views/maps/head_map_view.h"

namespace fovea {

struct HeadMapView::State {
    HeadMapScene scene;
    HeadMapLayout layout;
    MapTiles tiles;
    QPoint pressed, last;
    bool dragging = false, buttonDown = false;

    void relayout(QSize size) {
        layout = layoutOf(scene, size, false);
        scene.view.setArea(layout.map);
    }
};

} // namespace fovea
