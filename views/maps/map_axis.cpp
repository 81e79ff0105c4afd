#include "views/maps/map_axis.h"

#include <algorithm>
#include <cmath>

namespace fovea {

double missedScale(double largest) {
    return std::max(niceCeiling(largest), 0.01);
}

double niceCeiling(double value) {
    if (!(value > 0) || !std::isfinite(value))
        return 1;
    const double magnitude = std::pow(10, std::floor(std::log10(value)));
    for (const double factor : {1.0, 2.0, 5.0})
        if (value <= factor * magnitude * (1 + 1e-9))
            return factor * magnitude;
    return 10 * magnitude;
}

std::vector<std::int64_t> positionTicks(std::int64_t first, std::int64_t end, double pixelsPerCell,
                                        double spacing) {
    std::vector<std::int64_t> ticks;
    if (!(pixelsPerCell > 0) || first >= end)
        return ticks;
    const auto step = std::max<std::int64_t>(1, std::llround(niceCeiling(spacing / pixelsPerCell)));
    for (std::int64_t at = (first + step - 1) / step * step; at < end; at += step)
        ticks.push_back(at);
    return ticks;
}

} // namespace fovea
