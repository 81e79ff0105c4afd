#pragma once
// One head's map and its pyramid: what HeadMapView draws. Immutable and shared, so that a worker may make the
// next one while this one is on screen.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/engine/replay.h"
#include "views/maps/pyramid.h"

namespace fovea {

// What is drawn: the weights that plan A uses (with what B read of them over it), those that B uses, or how they
// differ.
enum class MapMode : std::uint8_t { A, B, Difference };

// The weights each plan uses, (tokens, tokens); null stands for the map's own dense ones.
struct MapWeights {
    std::shared_ptr<const std::vector<float>> a, b;
};

class HeadMapData {
public:
    std::shared_ptr<const HeadMap> map; // of plan B
    MapMode mode = MapMode::A;
    MapWeights used;
    std::vector<float> difference;          // A − B, in that mode
    std::shared_ptr<const Pyramid> pyramid; // of what is drawn; reads it in place

    bool anyChosen = false; // does any row read a selection? If not there is nothing to overlay
    bool anyEvicted = false;
    float missedMax = 0; // over all rows

    const float* drawn() const; // (tokens, tokens)
    // At a cell on or below the diagonal.
    float a(std::int64_t query, std::int64_t key) const;
    float b(std::int64_t query, std::int64_t key) const;

    std::span<const std::int32_t> chosenBy(std::int64_t query) const; // empty: the row was read dense
    bool reads(std::int64_t query, std::int64_t key) const;
    // Had the key left the cache before this query, under a plan that drops tokens?
    bool evicted(std::int64_t query, std::int64_t key) const;
    float missed(std::int64_t query) const;
};

// Builds the pyramid: call it where the map was made, off the interface's thread. Null for a null or empty
// map, or one whose vectors, or used weights, do not fit its `tokens`.
std::shared_ptr<const HeadMapData> makeHeadMapData(std::shared_ptr<const HeadMap> map, MapMode mode = MapMode::A,
                                                   MapWeights used = {});

} // namespace fovea
