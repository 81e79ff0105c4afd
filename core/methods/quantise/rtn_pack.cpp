#include "core/methods/quantise/rtn_pack.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "core/methods/quantise/code_run.h"
#include "core/methods/quantise/rtn_group.h"
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

} // namespace

RtnFault packRtn(const RtnParams& p, const float* values, std::int64_t columns, std::uint8_t* row) {
    const RtnRow at = rtnRow(p, columns);
    const bool free = p.zero == RtnParams::Zero::Free, zeros = p.mode == RtnParams::Mode::Asymmetric;
    std::vector<std::uint8_t> codes(static_cast<std::size_t>(columns)),
        clamped(static_cast<std::size_t>(at.groups));
    if (!std::all_of(values, values + columns, [](float v) { return std::isfinite(v); }))
        return RtnFault::NotFinite;
    for (std::int64_t g = 0; g < at.groups; ++g) {
        const std::int64_t first = g * p.group, n = std::min<std::int64_t>(p.group, columns - first);
        const RtnGroup group = chooseRtnGroup(p, values + first, n, codes.data() + first);
        if (!(fromHalf(group.scale) <= kMostScale))
            return RtnFault::TooWide;
        put16(row, g, group.scale);
        if (zeros && free)
            put16(row + at.zeros, g, static_cast<std::uint16_t>(group.zero));
        clamped[static_cast<std::size_t>(g)] = static_cast<std::uint8_t>(group.zero);
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
