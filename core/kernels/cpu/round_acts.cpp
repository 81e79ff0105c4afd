// Rounds vectors of activations (core/methods/quantise/acts.h has the formula, acts_truth.h is the truth): X as floats,
// and s. Quotients are formed in fp64, as the truth has them, so that ties are ties; a vector is read twice, in L1.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/round_acts.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/methods/quantise/rtn.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

struct Range {
    float least = 0, most = 0;
    bool finite = true;
};

Range rangeOf(const float* x, std::int64_t n) {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    Range range{std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity()};
    auto least = hn::Set(d, range.least), most = hn::Set(d, range.most);
    auto nothing = hn::Zero(d);  // x − x, which is 0 of finite numbers only
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const auto v = hn::LoadU(d, x + i);
        least = hn::Min(least, v);
        most = hn::Max(most, v);
        nothing = hn::Add(nothing, hn::Sub(v, v));
    }
    range.finite = hn::GetLane(hn::SumOfLanes(d, nothing)) == 0;
    range.least = hn::GetLane(hn::MinOfLanes(d, least));
    range.most = hn::GetLane(hn::MaxOfLanes(d, most));
    for (; i < n; ++i) {
        range.least = std::min(range.least, x[i]);
        range.most = std::max(range.most, x[i]);
        range.finite = range.finite && std::isfinite(x[i]);
    }
    return range;
}

// s, and what X lies between after z was taken away again.
struct Levels {
    double scale = 1, zero = 0, lowest = 0, highest = 0;
};

Levels levelsOf(const ActGrid& grid, const Range& range) {
    if (grid.symmetric) {
        const double most = std::max(std::fabs(range.least), std::fabs(range.most));
        return {std::max(most, kLeastRange) / grid.most(), 0, -grid.most() - 1., double(grid.most())};
    }
    const double scale = std::max(double{range.most} - range.least, kLeastRange) / grid.levels();
    const double zero = std::clamp(-std::nearbyint(range.least / scale), 0., double(grid.levels()));
    return {scale, zero, -zero, grid.levels() - zero};
}

void roundActsTarget(const ActGrid& grid, const float* x, float* whole, float* scale, std::int64_t n) {
    const Range range = rangeOf(x, n);
    if (!range.finite) {
        std::fill_n(whole, n, 0.f);
        *scale = std::numeric_limits<float>::quiet_NaN();
        return;
    }
    const Levels levels = levelsOf(grid, range);
    *scale = static_cast<float>(levels.scale);
    const hn::ScalableTag<double> d;
    const hn::Rebind<float, decltype(d)> narrow;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto s = hn::Set(d, levels.scale), low = hn::Set(d, levels.lowest), high = hn::Set(d, levels.highest);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const auto q = hn::Round(hn::Div(hn::PromoteTo(d, hn::LoadU(narrow, x + i)), s));
        hn::StoreU(hn::DemoteTo(narrow, hn::Min(hn::Max(q, low), high)), narrow, whole + i);
    }
    for (; i < n; ++i)
        whole[i] = static_cast<float>(std::clamp(std::nearbyint(x[i] / levels.scale), levels.lowest, levels.highest));
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(roundActsTarget);

void roundActs(const ActGrid& grid, const float* x, float* whole, float* scales, std::int64_t n,
               std::int64_t vectors) {
    for (std::int64_t v = 0; v < vectors; ++v)
        HWY_DYNAMIC_DISPATCH(roundActsTarget)(grid, x + v * n, whole + v * n, scales + v, n);
}

}  // namespace fovea::cpu
#endif
