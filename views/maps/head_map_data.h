#pragma once
// One head's map and its pyramid: what HeadMapView draws. Immutable and shared, so that a worker may make the
// next one while this one is on screen.

#include <memory>

#include "core/engine/replay.h"
#include "views/maps/pyramid.h"

namespace fovea {

class HeadMapData {
public:
    std::shared_ptr<const HeadMap> map;
    std::shared_ptr<const Pyramid> pyramid;  // of map->weights; reads them in place

    bool planned() const { return anyChosen; }  // does any row read a selection?
    bool anyChosen = false;
    float missedMax = 0;
};

// Builds the pyramid: call it where the map was made, off the interface's thread. Null for a null or empty
// map, or one whose vectors do not fit its `tokens`.
std::shared_ptr<const HeadMapData> makeHeadMapData(std::shared_ptr<const HeadMap> map);

}  // namespace fovea
