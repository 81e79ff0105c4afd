#include "core/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace fovea {

double learningRateAt(double done, double peak) {
    constexpr double kWarmUp = 0.02, kFloor = 0.05;
    if (done < kWarmUp)
        return peak * (0.02 + 0.98 * done / kWarmUp);
    const double rest = std::min(1.0, (done - kWarmUp) / (1 - kWarmUp));
    return peak * (kFloor + (1 - kFloor) * 0.5 * (1 + std::cos(3.141592653589793 * rest)));
}

std::int64_t sequenceAt(double done, std::int64_t context) {
    constexpr double kUntil[] = {0.34, 0.50, 0.68, 0.92};
    std::int64_t length = 64;
    for (const double until : kUntil)
        length *= done < until ? 1 : 2;
    return done >= kUntil[std::size(kUntil) - 1] ? context : std::min(length, context);
}

double madeUpAt(double done) {
    return done < 0.5 ? 0.66 : 0.5;
}

} // namespace fovea
