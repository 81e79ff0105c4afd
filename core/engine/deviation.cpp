#include "core/engine/deviation.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fovea {

namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();

double apart(float a, float b) {
    if (a == b || (std::isnan(a) && std::isnan(b)))
        return 0;
    const double off = std::abs(static_cast<double>(a) - b);
    return std::isnan(off) ? kInfinite : off;
}

} // namespace

std::string_view checkedPartName(CheckedPart part) {
    constexpr std::string_view names[kCheckedParts] = {"q", "k", "v", "attention", "logits"};
    return names[static_cast<std::size_t>(part)];
}

Deviation deviationOf(std::span<const float> first, std::span<const float> second) {
    Deviation d;
    double scale = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        if (std::isfinite(first[i]))
            scale = std::max(scale, static_cast<double>(std::abs(first[i])));
        const double off = apart(first[i], second[i]);
        if (i == 0 || off > d.absolute) {
            d.absolute = off;
            d.component = static_cast<std::int64_t>(i);
            d.first = first[i];
            d.second = second[i];
        }
    }
    // Where the first is all zeros there is nothing to be relative to.
    d.relative = d.absolute == 0 ? 0 : scale > 0 ? d.absolute / scale : kInfinite;
    return d;
}

void keepLarger(Deviation& largest, const Deviation& other) {
    if (largest.step < 0 || other.relative > largest.relative)
        largest = other;
}

} // namespace fovea
