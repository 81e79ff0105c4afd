#pragma once
// IEEE 754 binary16 without libtorch: the scales of GGUF blocks are held in it.

#include <bit>
#include <cstdint>

namespace fovea {

// Exact; subnormals, infinities and NaN included.
constexpr float fromHalf(std::uint16_t half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
    const std::uint32_t size = half & 0x7fffu;
    if (size >= 0x7c00u)
        return std::bit_cast<float>(sign | size << 13 | 0x7f800000u);
    // The exponent's bias differs by 112.
    if (size >= 0x0400u)
        return std::bit_cast<float>(sign | ((size << 13) + (112u << 23)));
    // Subnormal, as the scales of small weights are. As a subnormal fp32 it would cost a hundred cycles to
    // touch.
    const float value = static_cast<float>(size) * 0x1p-24f;
    return sign != 0 ? -value : value;
}

// To nearest, ties to even; infinity from 65520 on.
constexpr std::uint16_t toHalf(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u)
        return static_cast<std::uint16_t>(sign | 0x7e00u);
    if (size >= 0x477ff000u)
        return static_cast<std::uint16_t>(sign | 0x7c00u);
    // Below 2^-14: adding 1/2 leaves the multiple of 2^-24 in the lowest bits, rounded as fp32 sums are.
    if (size < 0x38800000u)
        return static_cast<std::uint16_t>(
            sign | (std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + .5f) - 0x3f000000u));
    const std::uint32_t odd = size >> 13 & 1;
    return static_cast<std::uint16_t>(sign | ((size + 0xfffu + odd - 0x38000000u) >> 13));
}

} // namespace fovea
