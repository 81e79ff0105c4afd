// RMS and layer norm of one row. Two or three passes over n floats that stay in L1.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/norm.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include <cmath>

#include "core/kernels/cpu/for_each-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Σ term(x[i]) in fp32.
template <class Term>
HWY_INLINE float sumOf(const float* x, std::int64_t n, const Term& term) {
    const Widest d;
    const Single one;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    auto sums = hn::Zero(d);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        sums = hn::Add(sums, term(d, hn::LoadU(d, x + i)));
    float sum = hn::GetLane(hn::SumOfLanes(d, sums));
    for (; i < n; ++i)
        sum += hn::GetLane(term(one, hn::LoadU(one, x + i)));
    return sum;
}

struct Itself {
    template <class D, class V>
    HWY_INLINE V operator()(D, V v) const {
        return v;
    }
};
struct SquareFrom {
    float mean;
    template <class D, class V>
    HWY_INLINE V operator()(D d, V v) const {
        const auto away = hn::Sub(v, hn::Set(d, mean));
        return hn::Mul(away, away);
    }
};

// y = (x - mean) * scale * (gain + shift)
template <class Loader>
struct ScaleByGain {
    const typename Loader::Element* gain;
    const float* x;
    float* y;
    float mean, scale, shift;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto scaled = hn::Mul(hn::Sub(hn::LoadU(d, x + i), hn::Set(d, mean)), hn::Set(d, scale));
        hn::StoreU(hn::Mul(scaled, hn::Add(Loader::load(d, gain + i), hn::Set(d, shift))), d, y + i);
    }
};

template <class Loader>
HWY_INLINE void scaleAs(const void* gain, const float* x, float* y, std::int64_t n, float mean, float scale,
                        float shift) {
    forEach(
        n, ScaleByGain<Loader>{static_cast<const typename Loader::Element*>(gain), x, y, mean, scale, shift});
}

void normTarget(const NormShape& shape, ElementType type, const void* gain, const float* x, float* y,
                std::int64_t n) {
    const auto count = static_cast<float>(n);
    const float mean = shape.norm == Norm::Layer ? sumOf(x, n, Itself()) / count : 0.f;
    const float scale = 1.f / std::sqrt(sumOf(x, n, SquareFrom{mean}) / count + shape.epsilon);
    switch (type) {
    case ElementType::F32:
        return scaleAs<F32Loader>(gain, x, y, n, mean, scale, shape.shift);
    case ElementType::F16:
        return scaleAs<F16Loader>(gain, x, y, n, mean, scale, shape.shift);
    case ElementType::BF16:
        return scaleAs<BF16Loader>(gain, x, y, n, mean, scale, shape.shift);
    }
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(normTarget);

void norm(const NormShape& shape, ElementType type, const void* gain, const float* x, float* y,
          std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(normTarget)(shape, type, gain, x, y, n);
}

} // namespace fovea::cpu
#endif
