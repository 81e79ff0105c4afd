#include "core/methods/quantise/rtn_pack.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/methods/quantise/code_run.h"
#include "core/model/half_float.h"

namespace fovea {

namespace {

constexpr int kHalfBytes = 2;

void put16(std::uint8_t* to, std::int64_t i, std::uint16_t value) {
    std::memcpy(to + i * kHalfBytes, &value, kHalfBytes);
}
std::uint16_t get16(const std::uint8_t* from, std::int64_t i) {
    std::uint16_t value = 0;
    std::memcpy(&value, from + i * kHalfBytes, kHalfBytes);
    return value;
}

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

RtnFault packRtn(const RtnParams& p, const float* values, std::int64_t columns, std::uint8_t* row) {
    const RtnRow at = rtnRow(p, columns);
    const bool free = p.zero == RtnParams::Zero::Free, zeros = p.mode == RtnParams::Mode::Asymmetric;
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(columns)),
        clamped(static_cast<std::size_t>(at.groups));
    if (!finite(values, columns))
        return RtnFault::NotFinite;
    for (std::int64_t g = 0; g < at.groups; ++g) {
        const std::int64_t first = g * p.group, n = std::min<std::int64_t>(p.group, columns - first);
        const Extremes extremes = extremesOf(values + first, n);
        const std::uint16_t held = toHalf(static_cast<float>(scaleOf(p, extremes)));
        const float s = fromHalf(held);
        if (!(s <= kMostScale))
            return RtnFault::TooWide;
        const int z = zeroOf(p, extremes, s);
        chooseCodes(p, values + first, n, s, z, codes.data() + first);
        put16(row, g, held);
        if (zeros && free)
            put16(row + at.zeros, g, static_cast<std::uint16_t>(z));
        clamped[static_cast<std::size_t>(g)] = static_cast<std::uint8_t>(z);
    }
    if (zeros && !free)
        packCodes(p.bits, clamped.data(), at.groups, row + at.zeros);
    packCodes(p.bits, codes.data(), columns, row + at.codes);
    return RtnFault::None;
}

void unpackRtn(const RtnParams& p, const std::uint8_t* row, float* values, std::int64_t columns) {
    const RtnRow at = rtnRow(p, columns);
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(columns)),
        clamped(static_cast<std::size_t>(at.groups));
    unpackCodes(p.bits, row + at.codes, columns, codes.data());
    const bool free = p.zero == RtnParams::Zero::Free, zeros = p.mode == RtnParams::Mode::Asymmetric;
    if (zeros && !free)
        unpackCodes(p.bits, row + at.zeros, at.groups, clamped.data());
    for (std::int64_t i = 0; i < columns; ++i) {
        const std::int64_t g = i / p.group;
        int z = p.middle();
        if (zeros)
            z = free ? static_cast<std::int16_t>(get16(row + at.zeros, g))
                     : clamped[static_cast<std::size_t>(g)];
        values[i] = static_cast<float>(codes[static_cast<std::size_t>(i)] - z) * fromHalf(get16(row, g));
    }
}

} // namespace fovea
