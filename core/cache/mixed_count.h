#pragma once
// What happened in one step to rows of which some are codes and some are still exact (core/cache/mixed_rows.h): counts of
// rows, which a formula of bytes cannot know once tokens have left or a read chooses.

#include <cstdint>

namespace fovea {

struct MixedCount {
    std::int64_t exact = 0; // reads and writes of rows that met an exact one
    std::int64_t still = 0; // exact rows that changed slot, which moves no byte
    std::int64_t coded = 0; // exact rows that were coded
    std::int64_t sides = 0; // sides that several rows share, read or written
    std::int64_t heldExact = 0, heldSides = 0; // after the step

    MixedCount& operator+=(const MixedCount& other) {
        exact += other.exact;
        still += other.still;
        coded += other.coded;
        sides += other.sides;
        heldExact += other.heldExact;
        heldSides += other.heldSides;
        return *this;
    }
};

// Of a layer, all KV heads together.
struct MixedCounts {
    MixedCount keys, values;
};

} // namespace fovea
