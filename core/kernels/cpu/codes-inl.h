// How packed codes (core/methods/quantise/code_run.h, which is their truth) become vectors of floats. Compiled once per
// instruction set.
//   Words      what one vector of a unit's lanes holds: eight codes per lane
//   load       those of the lanes from `lane` on of a unit of L lanes
//   value<k>   kPlus + code / kDivisor of the k-th code of each lane; where kOddPlus, 1 more if k is odd
// A code's bits go to the top of the mantissa of 1: a shift and a masked or make a float of it, and no conversion. What
// that adds and divides by is taken back once per group.

#if defined(FOVEA_CORE_KERNELS_CPU_CODES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_CODES_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_CODES_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_CODES_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "core/methods/quantise/code_run.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kMantissa = 23;

// v shifted to the left, or by a negative number to the right.
template <int kBy, class V>
HWY_INLINE V shifted(V v) {
    if constexpr (kBy == 0)
        return v;
    else if constexpr (kBy > 0)
        return hn::ShiftLeft<kBy>(v);
    else
        return hn::ShiftRight<-kBy>(v);
}

// `bits` with the bits [from, from + kCount) of `word` at [to, to + kCount).
template <int kFrom, int kTo, int kCount, class D, class V>
HWY_INLINE V placed(D d, V bits, V word) {
    return hn::OrAnd(bits, shifted<kTo - kFrom>(word), hn::Set(d, ((1u << kCount) - 1) << kTo));
}

// i/128 for the lowest four bits i of each lane, whatever stands above them.
#if HWY_TARGET == HWY_AVX3
template <class D, class V>
HWY_INLINE hn::Vec<D> lookedUp(D d, V lanes) {
    const auto table = hn::Mul(hn::Iota(d, 0), hn::Set(d, 1 / 128.f));
    return hn::Vec<D>{_mm512_permutexvar_ps(lanes.raw, table.raw)};  // Highway's own promises nothing beyond 16
}
#endif

template <int kBits>
struct Codes;

// One word per lane. Where 16 floats in a register are a table, each shift of a word serves two codes: the one that is
// then lowest is looked up, the one 16 bits above has its place in the mantissa there. 19 instructions for 128 weights
// instead of 24. There the 1 is large beside code/128, and would cost sums three bits; so the sum of a step begins with
// what the ones of its odd runs will add (gemv_rtn.cpp), and ends without it.
template <>
struct Codes<4> {
    static constexpr bool kLooksUp = HWY_TARGET == HWY_AVX3;
    static constexpr float kPlus = kLooksUp ? 0 : 1, kDivisor = kLooksUp ? 128 : 16;
    static constexpr bool kOddPlus = kLooksUp;
    template <class D>
    struct Words {
        hn::Vec<hn::RebindToUnsigned<D>> word;
    };
    template <int kLanes, class D>
    static HWY_INLINE Words<D> load(D, const std::uint8_t* unit, int lane) {
        return {hn::LoadU(hn::RebindToUnsigned<D>(), reinterpret_cast<const std::uint32_t*>(unit) + lane)};
    }
    template <int kRun, class D>
    static HWY_INLINE hn::Vec<D> value(D d, const Words<D>& words) {
        const hn::RebindToUnsigned<D> u;
        const auto one = hn::BitCast(u, hn::Set(d, 1.f));
        constexpr int kFrom = kRun % 2 * 16 + kRun / 2 * 4;
#if HWY_TARGET == HWY_AVX3
        if constexpr (hn::MaxLanes(d) == 16 && kRun % 2 == 0)
            return lookedUp(d, shifted<-kFrom>(words.word));
        else
#endif
        {
            const auto value = hn::BitCast(d, placed<kFrom, kLooksUp ? 16 : kMantissa - 4, 4>(u, one, words.word));
            return kLooksUp && kRun % 2 == 0 ? hn::Sub(value, hn::Set(d, 1.f)) : value;
        }
    }
};

template <>
struct Codes<2> {  // one word per lane
    static constexpr float kPlus = 1, kDivisor = 4;
    static constexpr bool kOddPlus = false;
    template <class D>
    struct Words {
        hn::Vec<hn::RebindToUnsigned<D>> word;
    };
    template <int kLanes, class D>
    static HWY_INLINE Words<D> load(D, const std::uint8_t* unit, int lane) {
        const auto halves = hn::LoadU(hn::Rebind<std::uint16_t, D>(), reinterpret_cast<const std::uint16_t*>(unit) + lane);
        return {hn::PromoteTo(hn::RebindToUnsigned<D>(), halves)};
    }
    template <int kRun, class D>
    static HWY_INLINE hn::Vec<D> value(D d, const Words<D>& words) {
        const hn::RebindToUnsigned<D> u;
        const auto one = hn::BitCast(u, hn::Set(d, 1.f));
        return hn::BitCast(d, placed<kRun * 2, kMantissa - 2, 2>(u, one, words.word));
    }
};

template <>
struct Codes<3> {  // the low two bits, and the third
    static constexpr float kPlus = 1, kDivisor = 8;
    static constexpr bool kOddPlus = false;
    template <class D>
    struct Words {
        hn::Vec<hn::RebindToUnsigned<D>> low, third;
    };
    template <int kLanes, class D>
    static HWY_INLINE Words<D> load(D, const std::uint8_t* unit, int lane) {
        const hn::RebindToUnsigned<D> u;
        const auto low = hn::LoadU(hn::Rebind<std::uint16_t, D>(), reinterpret_cast<const std::uint16_t*>(unit) + lane);
        const auto third = hn::LoadU(hn::Rebind<std::uint8_t, D>(), unit + 2 * kLanes + lane);
        return {hn::PromoteTo(u, low), hn::PromoteTo(u, third)};
    }
    template <int kRun, class D>
    static HWY_INLINE hn::Vec<D> value(D d, const Words<D>& words) {
        const hn::RebindToUnsigned<D> u;
        const auto one = hn::BitCast(u, hn::Set(d, 1.f));
        const auto low = placed<2 * kRun, kMantissa - 3, 2>(u, one, words.low);
        return hn::BitCast(d, placed<kRun, kMantissa - 1, 1>(u, low, words.third));
    }
};

template <>
struct Codes<8> {  // bytes in order: a run of lanes is loaded as it is used
    static constexpr float kPlus = 0, kDivisor = 1;
    static constexpr bool kOddPlus = false;
    template <class D>
    struct Words {
        const std::uint8_t* from;
        int lanes;
    };
    template <int kLanes, class D>
    static HWY_INLINE Words<D> load(D, const std::uint8_t* unit, int lane) {
        return {unit + lane, kLanes};
    }
    template <int kRun, class D>
    static HWY_INLINE hn::Vec<D> value(D d, const Words<D>& words) {
        const auto bytes = hn::LoadU(hn::Rebind<std::uint8_t, D>(), words.from + kRun * words.lanes);
        return hn::ConvertTo(d, hn::PromoteTo(hn::RebindToSigned<D>(), bytes));
    }
};

// Calls with(std::integral_constant<int, bits>()).
template <class With>
HWY_INLINE void ofBits(int bits, const With& with) {
    switch (bits) {
    case 8: return with(std::integral_constant<int, 8>());
    case 4: return with(std::integral_constant<int, 4>());
    case 3: return with(std::integral_constant<int, 3>());
    default: return with(std::integral_constant<int, 2>());
    }
}

// Are bytes multiplied by fours and added up in one instruction (rtn_digits-inl.h)?
HWY_INLINE bool machineMultipliesBytes() {
#if HWY_TARGET == HWY_AVX3
    static const bool does = __builtin_cpu_supports("avx512vnni");
    return does;
#else
    return false;
#endif
}

// Code i of a string of bits, what is left of a run beyond its units.
template <int kBits>
HWY_INLINE float lastCode(const std::uint8_t* string, std::int64_t i) {
    int code = 0;
    for (int bit = 0; bit < kBits; ++bit)
        code |= (string[(i * kBits + bit) / 8] >> (i * kBits + bit) % 8 & 1) << bit;
    return static_cast<float>(code);
}

// Calls visit(unit's first code, std::integral_constant<int, L>()) for each unit of a run of n codes, and returns how many
// codes these were. At b bits a unit begins b/8 of its first code's number in bytes from the run's beginning.
template <class Visit>
HWY_INLINE std::int64_t forEachUnit(std::int64_t n, const Visit& visit) {
    std::int64_t at = 0;
    const auto units = [&](auto lanes) HWY_ATTR {
        constexpr int kCodes = lanes() * kRunsPerUnit;
        for (; n - at >= kCodes; at += kCodes)
            visit(at, lanes);
    };
    units(std::integral_constant<int, 16>());
    units(std::integral_constant<int, 8>());
    units(std::integral_constant<int, 4>());
    return at;
}

// The same of visit(unit's first code, its bytes, std::integral_constant<int, L>()).
template <int kBits, class Visit>
HWY_INLINE std::int64_t forEachUnit(const std::uint8_t* codes, std::int64_t n, const Visit& visit) {
    return forEachUnit(n, [&](std::int64_t at, auto lanes) HWY_ATTR { visit(at, codes + at * kBits / 8, lanes); });
}

template <int kBits, int kLanes, int kRun, class D>
HWY_INLINE void widenRuns(D d, const typename Codes<kBits>::template Words<D>& words, float* to) {
    using C = Codes<kBits>;
    const auto value = C::template value<kRun>(d, words);
    constexpr float kPlus = C::kPlus + (C::kOddPlus && kRun % 2 == 1 ? 1 : 0);
    hn::StoreU(hn::Mul(hn::Sub(value, hn::Set(d, kPlus)), hn::Set(d, C::kDivisor)), d, to + kRun * kLanes);
    if constexpr (kRun + 1 < kRunsPerUnit)
        widenRuns<kBits, kLanes, kRun + 1>(d, words, to);
}

// values (n) = codes (n), exactly
template <int kBits>
HWY_INLINE void widenCodes(const std::uint8_t* codes, std::int64_t n, float* values) {
    const std::int64_t whole =
        forEachUnit<kBits>(codes, n, [&](std::int64_t at, const std::uint8_t* unit, auto lanes) HWY_ATTR {
            const hn::CappedTag<float, lanes()> d;
            for (int lane = 0; lane < lanes(); lane += static_cast<int>(hn::Lanes(d)))
                widenRuns<kBits, lanes(), 0>(d, Codes<kBits>::template load<lanes()>(d, unit, lane),
                                             values + at + lane);
        });
    for (std::int64_t i = whole; i < n; ++i)
        values[i] = lastCode<kBits>(codes + whole * kBits / 8, i - whole);
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
