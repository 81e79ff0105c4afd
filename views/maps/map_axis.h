#pragma once
// Whole-number ticks for an axis of positions.

#include <cstdint>
#include <vector>

namespace fovea {

// Multiples of 1, 2 or 5 · 10^n in [first, end), `pixelsPerCell` apart by at least `spacing` pixels.
std::vector<std::int64_t> positionTicks(std::int64_t first, std::int64_t end, double pixelsPerCell,
                                        double spacing);

// The smallest of 1, 2, 5 · 10^n that is not below `value`; 1 for nothing or less.
double niceCeiling(double value);
// Full width of bars of missed mass, 0 to 1: a round share, and 1 % at least. A plan that reads everything misses what fp32
// sums lose, 1e-7, and bars that grew until that filled them would show a loss where there is none.
double missedScale(double largest);

} // namespace fovea
