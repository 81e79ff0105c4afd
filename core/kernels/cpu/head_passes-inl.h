// How a loop over rows serves a group of query heads. Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_HEAD_PASSES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_HEAD_PASSES_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_HEAD_PASSES_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_HEAD_PASSES_INL_H_
#endif

#include <hwy/highway.h>

#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// pass(Q, is it the first, h) for heads h, h + Q, … four, two or one at a time. Only the first pass over a tile
// finds its rows in memory, and so only that one prefetches.
template <class Pass>
HWY_INLINE void forEachHeads(int heads, const Pass& pass) {
    using std::bool_constant, std::integral_constant;
    int h = 0;
    const auto take = [&](auto q) HWY_ATTR {
        if (h == 0)
            pass(q, bool_constant<true>(), h);
        else
            pass(q, bool_constant<false>(), h);
        h += q.value;
    };
    while (h + 4 <= heads)
        take(integral_constant<int, 4>());
    while (h + 2 <= heads)
        take(integral_constant<int, 2>());
    while (h < heads)
        take(integral_constant<int, 1>());
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
