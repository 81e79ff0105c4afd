#pragma once
// One head's map and its pyramid: what HeadMapView draws. Immutable and shared, so that a worker may make the
// next one while this one is on screen.

#include <cstdint>
#include <memory>
#include <span>

#include "core/engine/replay.h"
#include "views/maps/pyramid.h"

namespace fovea {

class HeadMapData {
public:
    std::shared_ptr<const HeadMap> map;
    std::shared_ptr<const Pyramid> pyramid; // of map->weights; reads them in place

    bool anyChosen = false; // does any row read a selection? If not there is nothing to overlay
    bool anyEvicted = false;
    float missedMax = 0; // over all rows

    std::span<const std::int32_t> chosenBy(std::int64_t query) const; // empty: the row was read dense
    bool reads(std::int64_t query, std::int64_t key) const;
    // Had the key left the cache before this query, under a plan that drops tokens?
    bool evicted(std::int64_t query, std::int64_t key) const;
    float missed(std::int64_t query) const;
};

// Builds the pyramid: call it where the map was made, off the interface's thread. Null for a null or empty
// map, or one whose vectors do not fit its `tokens`.
std::shared_ptr<const HeadMapData> makeHeadMapData(std::shared_ptr<const HeadMap> map);

} // namespace fovea
