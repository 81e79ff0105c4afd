#pragma once
// Hears of every row that a cache writes, moves or frees, to do the same elsewhere: on a GPU, say.

#include "core/cache/slot_history.h"

namespace fovea {

class SlotFollower {
public:
    virtual ~SlotFollower() = default;

    // Of an owner layer, once the cache has done it. Never throws.
    virtual void happened(int layer, int kvHead, const SlotEvent& event) = 0;
};

} // namespace fovea
