#pragma once
// The cached tokens of one (layer, KV head) as stays in slots, from the events that the cache told of.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/slot_history.h"

namespace fovea {

// One token in one slot, seen by the queries from..to-1. A token that was moved has several.
struct SlotStay {
    std::int64_t position = 0; // of the token
    std::int32_t slot = 0;
    std::int64_t from = 0, to = 0;
    bool evicted = false; // the stay ended in the token's leaving; else it was moved or lives on
    bool outlived =
        false; // it lives on though a newer token has left: a sink, or whatever a method holds on to
    std::int32_t order = 0; // how many stays the slot had before
};

// In the order in which they began. `end`: the first position beyond the run, where the living end.
std::vector<SlotStay> staysOf(std::span<const SlotEvent> events, std::int64_t end);

} // namespace fovea
