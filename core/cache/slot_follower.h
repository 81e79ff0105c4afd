#pragma once
// Hears of every row that a cache writes, codes, moves or frees, to do the same elsewhere: on a GPU, say.

#include "core/cache/slot_history.h"
#include "core/cache/traffic.h"

namespace fovea {

class SlotFollower {
public:
    virtual ~SlotFollower() = default;

    // Of an owner layer, once the cache has done it. Never throws.
    virtual void happened(int layer, int kvHead, const SlotEvent& event) = 0;
    // Of a mixed store: the exact key, or value, of `slot` became codes.
    virtual void coded(int layer, int kvHead, Component rows, std::int32_t slot) = 0;
};

} // namespace fovea
