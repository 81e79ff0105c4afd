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

// Floats of up to four rows, which a thread keeps: scales of steps, what zeros take away per group, and scales times
// those of a vector. A step is a group, or 128 weights of one that is longer.
class RtnScratch {
public:
    void fit(const RtnParams& rtn, std::int64_t columns) {
        m_steps = (columns + std::min(rtn.group, kWidestUnit) - 1) / std::min(rtn.group, kWidestUnit);
        m_floats.resize(static_cast<std::size_t>(12 * m_steps));
    }
    float* scale(int row) { return m_floats.data() + 3 * row * m_steps; }
    float* below(int row) { return scale(row) + m_steps; }
    float* scaled(int row) { return below(row) + m_steps; }
    std::int64_t steps() const { return m_steps; }

private:
    std::int64_t m_steps = 0;  // as many as groups, or more
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

// D·s of every step and D·s·(p + z/D) of every group of one packed row, for codes that come as p + q/D.
template <int kBits>
HWY_INLINE void describeRtnRow(const RtnParams& rtn, const RtnRow& at, const std::uint8_t* row, float divisor,
                               float plus, RtnScratch& scratch, int r) {
    const Widest d;
    const Single one;
    float *const scale = scratch.scale(r), *const below = scratch.below(r);
    widenHalves(row, at.groups, scale);
    widenZeros<kBits>(rtn, row + at.zeros, at.groups, below);
    const auto scaled = [&](auto tag, std::int64_t g) HWY_ATTR {
        const auto s = hn::Mul(hn::LoadU(tag, scale + g), hn::Set(tag, divisor));
        const auto z = hn::MulAdd(hn::LoadU(tag, below + g), hn::Set(tag, 1 / divisor), hn::Set(tag, plus));
        hn::StoreU(s, tag, scale + g);
        hn::StoreU(hn::Mul(s, z), tag, below + g);
    };
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t g = 0;
    for (; g + lanes <= at.groups; g += lanes)
        scaled(d, g);
    for (; g < at.groups; ++g)
        scaled(one, g);
    if (rtn.group > kWidestUnit)  // from the end on, for what is written is never read again
        for (std::int64_t step = scratch.steps() - 1; step >= 0; --step)
            scale[step] = scale[step * kWidestUnit / rtn.group];
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

// c (n) = a (n) times b (n)
HWY_INLINE void multiplied(const float* a, const float* b, float* c, std::int64_t n) {
    const Widest d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        hn::StoreU(hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, c + i);
    for (; i < n; ++i)
        c[i] = a[i] * b[i];
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
