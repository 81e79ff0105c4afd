// Exponentials of logits, and the mass of a softmax over logits that are kept as they are. Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_MASS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_MASS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_MASS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_MASS_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "core/kernels/cpu/softmax_state.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// e^x, and NaN of NaN, of which Highway's makes 0: a key that is no number would otherwise only seem to be ignored.
template <class D>
HWY_INLINE hn::Vec<D> exponential(D d, hn::Vec<D> x) {
    return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(d, x));
}

// The greater of two logits, and never NaN of x: what Max makes of NaN is the machine's choice.
template <class D>
HWY_INLINE hn::Vec<D> greaterLogit(hn::Vec<D> x, hn::Vec<D> best) {
    return hn::IfThenElse(hn::Gt(x, best), x, best);
}

// (m, l) brought up to date with logits[0, count), which stay as they are.
inline HWY_ATTR void addMass(const float* logits, int count, float& m, float& l) {
    const hn::ScalableTag<float> d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const int whole = count / lanes * lanes;
    auto tops = hn::Set(d, m);
    for (int i = 0; i < whole; i += lanes)
        tops = greaterLogit<decltype(d)>(hn::LoadU(d, logits + i), tops);
    float top = hn::GetLane(hn::MaxOfLanes(d, tops));
    for (int i = whole; i < count; ++i)
        top = std::max(top, logits[i]);
    if (top == kNoLogit) {
        l += massOfNone(logits, count);
        return;
    }
    const auto shift = hn::Set(d, top);
    auto sums = hn::Zero(d);
    for (int i = 0; i < whole; i += lanes)
        sums = hn::Add(sums, exponential(d, hn::Sub(hn::LoadU(d, logits + i), shift)));
    l = l * rescale(m, top) + hn::GetLane(hn::SumOfLanes(d, sums));
    for (int i = whole; i < count; ++i)
        l += std::exp(logits[i] - top);
    m = top;
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // per-target include guard
