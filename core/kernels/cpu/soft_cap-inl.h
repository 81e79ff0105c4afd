// Logits that are bent before the softmax, so that none is beyond ±c (Gemma 2, arXiv 2408.00118, Section 2).
// Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_SOFT_CAP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_SOFT_CAP_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_SOFT_CAP_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_SOFT_CAP_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>

#include <cstdint>

#include "core/kernels/cpu/for_each-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

struct CapLogit {
    float* x;
    float cap, inverse;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto bent = hn::Tanh(d, hn::Mul(hn::LoadU(d, x + i), hn::Set(d, inverse)));
        hn::StoreU(hn::Mul(bent, hn::Set(d, cap)), d, x + i);
    }
};

// x = c·tanh(x/c), n of them and none beyond; nothing where c is 0.
inline HWY_ATTR void capLogits(float* x, std::int64_t n, float cap) {
    if (cap != 0)
        forEach(n, CapLogit{x, cap, 1 / cap});
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // per-target include guard
