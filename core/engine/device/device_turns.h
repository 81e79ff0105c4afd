#pragma once
// Slots that a step meets by turned queries (core/engine/slot_turns.h), as the device is told of them.

#include <cstdint>

namespace fovea {

struct DeviceTurns {
    const std::int32_t* slots = nullptr; // (count)
    int count = 0;
    const float *cosines = nullptr, *sines = nullptr; // (count, pairs) by which a query is turned for each
    int pairs = 0;
};

} // namespace fovea
