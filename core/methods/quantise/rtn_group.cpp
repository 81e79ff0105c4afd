#include "core/methods/quantise/rtn_group.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/model/half_float.h"

namespace fovea {

namespace {

struct Extremes {
    double least = 0, most = 0;
    double size() const { return std::max(std::fabs(least), std::fabs(most)); }
};

// Of n values, all finite.
Extremes extremesOf(const float* values, std::int64_t n) {
    float least = values[0], most = values[0];
    for (std::int64_t i = 1; i < n; ++i) {
        least = std::min(least, values[i]);
        most = std::max(most, values[i]);
    }
    return {least, most};
}

bool finite(const float* values, std::int64_t n) {
    return std::all_of(values, values + n, [](float v) { return std::isfinite(v); });
}

// s of a group, before it is rounded to binary16.
double scaleOf(const RtnParams& p, const Extremes& e) {
    if (p.mode == RtnParams::Mode::Symmetric)
        return std::max(e.size(), kLeastRange) / (p.middle() - 1);
    const double s = std::max(e.most - e.least, kLeastRange) / p.levels();
    return p.zero == RtnParams::Zero::Free ? std::max(s, e.size() / kMostFreeZero) : s;
}

// z, in sym the middle: codes are held from 0 on.
int zeroOf(const RtnParams& p, const Extremes& e, double s) {
    if (p.mode == RtnParams::Mode::Symmetric)
        return p.middle();
    const double z = -std::nearbyint(e.least / s);
    return static_cast<int>(
        p.zero == RtnParams::Zero::Free ? z : std::clamp(z, 0., static_cast<double>(p.levels())));
}

void chooseCodes(const RtnParams& p, const float* values, std::int64_t n, double s, int z,
                 std::uint8_t* codes) {
    // Half to even, as nearbyint, and without a call per value: adding what leaves no bits below 1. What is larger than
    // any code and zero together ends at the last code all the same.
    constexpr double kWhole = 0x1.8p52, kFar = 0x1p31;
    const double zero = z, most = p.levels();
    for (std::int64_t i = 0; i < n; ++i) {
        const double steps = std::clamp(static_cast<double>(values[i]) / s, -kFar, kFar) + kWhole - kWhole;
        codes[i] = static_cast<std::uint8_t>(std::clamp(steps + zero, 0., most));
    }
}

} // namespace

RtnGroup chooseRtnGroup(const RtnParams& p, const float* values, std::int64_t n, std::uint8_t* codes) {
    std::fill_n(codes, n, std::uint8_t{0});
    if (!finite(values, n))
        return {toHalf(std::numeric_limits<float>::quiet_NaN()), 0};
    const Extremes extremes = extremesOf(values, n);
    RtnGroup group;
    group.scale = toHalf(static_cast<float>(scaleOf(p, extremes)));
    const float s = fromHalf(group.scale);
    if (!(s <= kMostScale))
        return group;
    group.zero = zeroOf(p, extremes, s);
    chooseCodes(p, values, n, s, group.zero, codes);
    return group;
}

} // namespace fovea
