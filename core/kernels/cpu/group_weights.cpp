#include "core/kernels/cpu/group_weights.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/group_weights.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// weights (n) += share·exp(logits - m), a product that is no number left out.
void addWeightsTarget(const float* logits, std::int64_t n, float m, float share, float* weights) {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const auto shift = hn::Set(d, m), scale = hn::Set(d, share);
    const auto add = [&](const float* from, float* to) HWY_ATTR {
        const auto w = hn::Mul(hn::Exp(d, hn::Sub(hn::LoadU(d, from), shift)), scale);
        hn::StoreU(hn::Add(hn::LoadU(d, to), hn::IfThenElseZero(hn::Eq(w, w), w)), d, to);
    };
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        add(logits + i, weights + i);
    if (i == n)
        return;
    HWY_ALIGN float rest[2][HWY_MAX_BYTES / sizeof(float)] = {};
    std::copy(logits + i, logits + n, rest[0]);
    add(rest[0], rest[1]);
    for (std::int64_t j = i; j < n; ++j)
        weights[j] += rest[1][j - i];
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(addWeightsTarget);

void groupWeights(const ReadReport& report, int kvHead, int group, std::int64_t first, std::int64_t last,
                  float* weights, Traffic& moved) {
    const std::int64_t n = last - first;
    std::fill_n(weights, n, 0.f);
    for (int i = 0; i < group; ++i) {
        const std::int64_t h = std::int64_t{kvHead} * group + i;
        const auto head = static_cast<std::size_t>(h);
        const float alpha = report.alphas ? report.alphas[h] : 1.f, share = alpha / report.l[head];
        // A head without a logit (l = 0), or with one that is no number, gave nothing to anybody.
        if (std::isfinite(share) && std::isfinite(report.m[head]))
            HWY_DYNAMIC_DISPATCH(addWeightsTarget)(report.logits + h * report.stride + first, n, report.m[head],
                                                   share, weights);
    }
    moved[Component::Scores] += n * group * static_cast<std::int64_t>(sizeof(float));
}

}  // namespace fovea::cpu
#endif
