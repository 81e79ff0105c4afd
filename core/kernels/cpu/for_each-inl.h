// How the elementwise kernels go over a run of floats. Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_FOR_EACH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_FOR_EACH_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_FOR_EACH_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_FOR_EACH_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "core/kernels/cpu/loader-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// step(tag, i) over [0, n): whole vectors, then one by one.
template <class Step>
HWY_INLINE void forEach(std::int64_t n, const Step& step) {
    const Widest wide;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(wide));
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        step(wide, i);
    for (; i < n; ++i)
        step(Single(), i);
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // per-target include guard
