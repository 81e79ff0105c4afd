// What a product with packed rows needs of them beside their codes, and of its vectors: scales, zeros and sums of
// groups. Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_RTN_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_RTN_ROWS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_RTN_ROWS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_RTN_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/kernels/cpu/codes-inl.h"
#include "core/kernels/cpu/loader-inl.h"
#include "core/methods/quantise/rtn.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Floats of up to four rows, which a thread keeps: a scale and a zero for each group, and what a product makes of them. A
// step is a group, or 128 weights of one that is longer.
class RtnScratch {
public:
    void fit(const RtnParams& rtn, std::int64_t columns) {
        m_steps = (columns + std::min(rtn.group, kWidestUnit) - 1) / std::min(rtn.group, kWidestUnit);
        m_room = (m_steps + kWhole - 1) / kWhole * kWhole;
        m_floats.resize(static_cast<std::size_t>(12 * m_room));
    }
    float* scale(int row) { return m_floats.data() + 3 * row * m_room; }
    float* zero(int row) { return scale(row) + m_room; }
    float* scaled(int row) { return zero(row) + m_room; }
    std::int64_t steps() const { return m_steps; }

private:
    static constexpr std::int64_t kWhole = 16;  // whole vectors may be written
    std::int64_t m_steps = 0, m_room = 0;       // as many as groups, or more
    std::vector<float> m_floats;
};

HWY_INLINE void widenHalves(const std::uint8_t* from, std::int64_t n, float* to) {
    const Widest d;
    const Single one;
    const auto* const halves = reinterpret_cast<const hwy::float16_t*>(from);
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        hn::StoreU(F16Loader::load(d, halves + i), d, to + i);
    for (; i < n; ++i)
        hn::StoreU(F16Loader::load(one, halves + i), one, to + i);
}

// z of each group
template <int kBits>
HWY_INLINE void widenZeros(const RtnParams& rtn, const std::uint8_t* from, std::int64_t groups, float* to) {
    if (rtn.mode == RtnParams::Mode::Symmetric)
        std::fill_n(to, groups, static_cast<float>(rtn.middle()));
    else if (rtn.zero == RtnParams::Zero::Clamped)
        widenCodes<kBits>(from, groups, to);
    else
        for (std::int64_t g = 0; g < groups; ++g) {
            std::int16_t z = 0;
            std::memcpy(&z, from + 2 * g, 2);
            to[g] = static_cast<float>(z);
        }
}

// Scales and zeros of one packed row, of each group.
template <int kBits>
HWY_INLINE void unpackGroups(const RtnParams& rtn, const RtnRow& at, const std::uint8_t* row, RtnScratch& scratch,
                             int r) {
    widenHalves(row, at.groups, scratch.scale(r));
    widenZeros<kBits>(rtn, row + at.zeros, at.groups, scratch.zero(r));
}

// a (n) · b (n)
HWY_INLINE float dotOf(const float* a, const float* b, std::int64_t n) {
    const Widest d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    auto sum = hn::Zero(d);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
    float rest = 0;
    for (; i < n; ++i)
        rest += a[i] * b[i];
    return hn::GetLane(hn::SumOfLanes(d, sum)) + rest;
}

// Σ x (n)
HWY_INLINE float plainSum(const float* x, std::int64_t n) {
    const Widest d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    auto sum = hn::Zero(d);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        sum = hn::Add(sum, hn::LoadU(d, x + i));
    float rest = 0;
    for (; i < n; ++i)
        rest += x[i];
    return hn::GetLane(hn::SumOfLanes(d, sum)) + rest;
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
