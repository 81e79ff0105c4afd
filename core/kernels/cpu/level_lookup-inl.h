// Levels of packed codes (codes-inl.h): a code's bits are an index, and a register that holds the levels is the table.
// Compiled once per instruction set.
//   codeBits<b, k>   the k-th code of each lane in its lowest bits; anything above them
//   LevelsOf<b>      of such bits the levels, from the 16 of LevelTable (table_rows.h)

#if defined(FOVEA_CORE_KERNELS_CPU_LEVEL_LOOKUP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_LEVEL_LOOKUP_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_LEVEL_LOOKUP_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_LEVEL_LOOKUP_INL_H_
#endif

#include <hwy/highway.h>

#include "core/kernels/cpu/codes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

template <int kBits, int kRun, class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> codeBits(D,
                                                     const typename Codes<kBits>::template Words<D>& words) {
    const hn::RebindToUnsigned<D> u;
    if constexpr (kBits == 4) {
        return shifted<-(kRun % 2 * 16 + kRun / 2 * 4)>(words.word);
    } else if constexpr (kBits == 2) {
        return shifted<-2 * kRun>(words.word);
    } else {
        const auto low = shifted<-2 * kRun>(words.low), third = shifted<2 - kRun>(words.third);
#if HWY_TARGET == HWY_AVX3
        if constexpr (hn::MaxLanes(u) ==
                      16) // low where the mask is set, third elsewhere: one instruction, into low
            return hn::Vec<decltype(u)>{
                _mm512_ternarylogic_epi32(low.raw, third.raw, hn::Set(u, 3).raw, 0xE4)};
        else
#endif
            return hn::OrAnd(hn::And(low, hn::Set(u, 3)), third, hn::Set(u, 4));
    }
}

// 16 levels in a register: four bits of a lane are looked at.
template <int kBits, class D>
struct LevelsOf {
    using Bits = hn::Vec<hn::RebindToUnsigned<D>>;
    static constexpr int kLanes = static_cast<int>(hn::MaxLanes(D())), kLevels = 1 << kBits;
    const float* levels;
    hn::Vec<D> lower, upper; // as many levels as there are lanes, and as many more

    HWY_INLINE LevelsOf(D d, const float* from)
        : levels(from), lower(hn::LoadU(d, from)), upper(hn::LoadU(d, from + (kLanes < 16 ? kLanes : 0))) {}

    HWY_INLINE hn::Vec<D> of(Bits bits) const {
        const D d;
        const hn::RebindToUnsigned<D> u;
#if HWY_TARGET == HWY_AVX3
        if constexpr (kLanes == 16)
            return hn::Vec<D>{
                _mm512_permutexvar_ps(bits.raw, lower.raw)}; // Highway's own promises nothing beyond 16
        else
#endif
            if constexpr (kLevels <= 2 * kLanes && kLanes >= 4) {
            const auto low =
                among(lower, hn::And(bits, hn::Set(u, (kLevels < kLanes ? kLevels : kLanes) - 1u)));
            if constexpr (kLevels <= kLanes)
                return low;
            else
                return hn::IfThenElse(hn::RebindMask(d, hn::TestBit(bits, hn::Set(u, unsigned{kLanes}))),
                                      among(upper, hn::And(bits, hn::Set(u, kLanes - 1u))), low);
        } else {
            const hn::RebindToSigned<D> i;
            return hn::GatherIndex(d, levels, hn::BitCast(i, hn::And(bits, hn::Set(u, kLevels - 1u))));
        }
    }

private:
    static HWY_INLINE hn::Vec<D> among(hn::Vec<D> table, Bits bits) {
        const D d;
        return hn::TableLookupLanes(table, hn::IndicesFromVec(d, hn::BitCast(hn::RebindToSigned<D>(), bits)));
    }
};

// Calls with(std::integral_constant<int, bits>()), of levels that are learnt.
template <class With>
HWY_INLINE void ofLevelBits(int bits, const With& with) {
    switch (bits) {
    case 4:
        return with(std::integral_constant<int, 4>());
    case 3:
        return with(std::integral_constant<int, 3>());
    default:
        return with(std::integral_constant<int, 2>());
    }
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // per-target include guard
