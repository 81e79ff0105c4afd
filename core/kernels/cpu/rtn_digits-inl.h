// Products of packed codes and float activations in bytes, where the machine multiplies bytes by fours and adds them up in
// one instruction (AVX-512 VNNI). Codes q are whole numbers; so are activations once each step of 128 has a unit of its own:
//   X = round(x / u), u = max|x| / M, M = 127·2^16;  X = 2^16·X₂ + 2^8·X₁ + X₀, all three digits in [−128, 127]
//   Σ q·x = u·Σ q·X, but for at most u/2 of each x: one part in 2^24 of the largest of the 128
// Sums of q·X are exact. A product in fp32 does not round x, but every partial sum, which loses more.
// An instruction takes 64 codes, so that 128 codes of 4 bits are 13 of them in all (3 to take the codes apart, 6 products,
// 2 shifts, 1 conversion, 1 multiply-add), where fp32 takes 21 (rtn_floats-inl.h).
// Rounded activations (core/methods/quantise/acts.h) are whole numbers X already, and s their unit for the whole row: one
// digit, or two where X leaves a signed byte, X = 2·X₁ + X₀.
//   overflow  a lane adds up 8 products. Below 8 bits |Σ q·X| <= 8·15·2^23 < 2^30; at 8 bits the lowest digit is kept apart
// Compiled once per instruction set, and of use in one.

#if defined(FOVEA_CORE_KERNELS_CPU_RTN_DIGITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_RTN_DIGITS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_RTN_DIGITS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_RTN_DIGITS_INL_H_
#endif

#include <hwy/highway.h>

#include <bit>
#include <limits>

#include "core/kernels/cpu/codes-inl.h"
#include "core/kernels/cpu/rtn_rows-inl.h"
#include "core/kernels/cpu/rtn_vectors.h"
#include "core/methods/quantise/rtn.h"

#if HWY_TARGET == HWY_AVX3

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace fovea::cpu::HWY_NAMESPACE {

using Bytes = hn::Full512<std::uint8_t>;
using Integers = hn::Full512<std::int32_t>;
using Floats = hn::Full512<float>;

constexpr float kMostDigits = 127.f * 65536; // M
// The place of a digit above the next one, as a power of two.
template <int kDigits>
constexpr int kDigitBits = kDigits == 3 ? 8 : 1;
constexpr int kHalf = 64;                    // codes in one vector, two of which are a unit

// acc + Σ of each lane's four products, codes from 0 to 255 and digits from −128 to 127.
HWY_INLINE hn::Vec<Integers> addProducts(hn::Vec<Integers> acc, hn::Vec<Bytes> codes,
                                         const std::int8_t* digits) {
    return hn::Vec<Integers>{_mm512_dpbusd_epi32(acc.raw, codes.raw, _mm512_load_si512(digits))};
}

// The codes of a unit as two vectors of bytes, in an order of their own; and 128 digits, one vector of them per run of
// the unit, in that order.
template <int kBits>
struct UnitBytes;

template <>
struct UnitBytes<8> {
    static HWY_INLINE void load(const std::uint8_t* unit, hn::Vec<Bytes> (&codes)[2]) {
        codes[0] = hn::LoadU(Bytes(), unit);
        codes[1] = hn::LoadU(Bytes(), unit + kHalf);
    }
    static HWY_INLINE void store(const hn::Vec<Integers> (&runs)[kRunsPerUnit], std::int8_t* to) {
        const hn::Rebind<std::int8_t, Integers> narrow;
        for (int run = 0; run < kRunsPerUnit; ++run)
            hn::Store(hn::DemoteTo(narrow, runs[run]), narrow, to + 16 * run);
    }
};

// Bytes a, b, c, d of each word.
HWY_INLINE hn::Vec<Integers> joined(const hn::Vec<Integers> (&runs)[kRunsPerUnit], int a, int b, int c,
                                    int d) {
    const auto low = hn::Set(Integers(), 255);
    const auto first = hn::OrAnd(hn::ShiftLeft<8>(hn::And(runs[b], low)), runs[a], low);
    const auto second = hn::OrAnd(hn::ShiftLeft<8>(runs[d]), runs[c], low);
    return hn::Or(hn::ShiftLeft<16>(second), first);
}

template <>
struct UnitBytes<4> { // the lower halves of all bytes, then the upper ones
    static HWY_INLINE void load(const std::uint8_t* unit, hn::Vec<Bytes> (&codes)[2]) {
        const hn::Repartition<std::uint16_t, Bytes> pairs;
        const auto both = hn::LoadU(Bytes(), unit);
        const auto low = hn::Set(Bytes(), 15);
        codes[0] = hn::And(both, low);
        codes[1] = hn::And(hn::BitCast(Bytes(), hn::ShiftRight<4>(hn::BitCast(pairs, both))), low);
    }
    static HWY_INLINE void store(const hn::Vec<Integers> (&runs)[kRunsPerUnit], std::int8_t* to) {
        hn::Store(hn::BitCast(hn::Full512<std::int8_t>(), joined(runs, 0, 4, 1, 5)),
                  hn::Full512<std::int8_t>(), to);
        hn::Store(hn::BitCast(hn::Full512<std::int8_t>(), joined(runs, 2, 6, 3, 7)),
                  hn::Full512<std::int8_t>(), to + kHalf);
    }
};

// Two copies of the 16 words of a unit, which hold its runs 0 and 4, and, two bits higher, 1 and 5; then 2 and 6, 3 and 7.
struct PairedRuns {
    static HWY_INLINE void load(const std::uint8_t* words, hn::Vec<Bytes> (&codes)[2]) {
        const hn::Repartition<std::uint16_t, Bytes> pairs;
        const hn::Vec<decltype(pairs)> both{
            _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)))};
        const auto upper = hn::IfThenElseZero(hn::Not(hn::FirstN(pairs, 16)), hn::Set(pairs, 2));
        const auto low = hn::Set(Bytes(), 3);
        codes[0] = hn::And(hn::BitCast(Bytes(), hn::Shr(both, upper)), low);
        codes[1] = hn::And(hn::BitCast(Bytes(), hn::Shr(both, hn::Add(upper, hn::Set(pairs, 4)))), low);
    }
    static HWY_INLINE void store(const hn::Vec<Integers> (&runs)[kRunsPerUnit], std::int8_t* to) {
        const hn::Rebind<std::uint16_t, Integers> words;
        const hn::Repartition<std::uint32_t, Integers> whole;
        const auto low = hn::Set(Integers(), 255);
        for (int run = 0; run < 4; ++run) {
            const auto pair = hn::OrAnd(hn::ShiftLeft<8>(hn::And(runs[run + 4], low)), runs[run], low);
            hn::Store(hn::TruncateTo(words, hn::BitCast(whole, pair)), words,
                      reinterpret_cast<std::uint16_t*>(to) + 16 * run);
        }
    }
};

template <>
struct UnitBytes<2> : PairedRuns {};

template <>
struct UnitBytes<3> : PairedRuns {
    static HWY_INLINE void load(const std::uint8_t* unit, hn::Vec<Bytes> (&codes)[2]) {
        PairedRuns::load(unit, codes);
        // Each byte of third bits twice, for the two runs that lie in one word.
        alignas(64) static constexpr std::uint8_t kTwice[32] = {0,  0,  1,  1,  2,  2,  3,  3,  4,  4,  5,
                                                                5,  6,  6,  7,  7,  8,  8,  9,  9,  10, 10,
                                                                11, 11, 12, 12, 13, 13, 14, 14, 15, 15};
        const hn::Vec<Bytes> order{
            _mm512_broadcast_i64x4(_mm256_load_si256(reinterpret_cast<const __m256i*>(kTwice)))};
        const auto thirds = hn::TableLookupBytes(hn::LoadDup128(Bytes(), unit + 32), order);
        const hn::Repartition<std::uint16_t, Bytes> pairs;
        const auto lower = hn::FirstN(pairs, 16);
        for (int half = 0; half < 2; ++half) {
            const auto bit =
                hn::IfThenElse(lower, hn::Set(pairs, static_cast<std::uint16_t>(0x1001 << 2 * half)),
                               hn::Set(pairs, static_cast<std::uint16_t>(0x2002 << 2 * half)));
            const auto set = hn::TestBit(thirds, hn::BitCast(Bytes(), bit));
            codes[half] = hn::Or(codes[half], hn::IfThenElseZero(set, hn::Set(Bytes(), 4)));
        }
    }
};

// acc + Σ q·X of a unit's codes and one of their digits.
HWY_INLINE hn::Vec<Integers> addUnit(hn::Vec<Integers> acc, const hn::Vec<Bytes> (&codes)[2],
                                     const std::int8_t* digits) {
    return addProducts(addProducts(acc, codes[0], digits), codes[1], digits + kHalf);
}

// Σ q·X of a unit's codes, a float per lane.
template <int kBits, int kDigits>
HWY_INLINE hn::Vec<Floats> unitProducts(const hn::Vec<Bytes> (&codes)[2], const std::int8_t* digits) {
    const auto zero = hn::Zero(Integers());
    auto sum = addUnit(zero, codes, digits);
    if constexpr (kDigits == 2)
        sum = addUnit(hn::ShiftLeft<1>(sum), codes, digits + kWidestUnit);
    if constexpr (kDigits == 3) {
        sum = addUnit(hn::ShiftLeft<8>(sum), codes, digits + kWidestUnit);
        if constexpr (kBits == 8) {
            const auto lowest = hn::ConvertTo(Floats(), addUnit(zero, codes, digits + 2 * kWidestUnit));
            return hn::MulAdd(hn::ConvertTo(Floats(), sum), hn::Set(Floats(), 256.f), lowest);
        } else {
            sum = addUnit(hn::ShiftLeft<8>(sum), codes, digits + 2 * kWidestUnit);
        }
    }
    return hn::ConvertTo(Floats(), sum);
}

// u of numbers of at most `most`, NaN where that is no number, and 1/u.
inline float unitOf(float most, float& perUnit) {
    // Below that 1/u would be infinite.
    const float held = std::clamp(most, 1e-30f, std::numeric_limits<float>::max());
    perUnit = kMostDigits / held;
    return most <= std::numeric_limits<float>::max() ? held / kMostDigits : std::numeric_limits<float>::quiet_NaN();
}

// Writes digits (kDigits, 128) of whole numbers, the highest first.
template <int kBits, int kDigits>
HWY_INLINE void storeDigits(hn::Vec<Integers> (&left)[kRunsPerUnit], std::int8_t* digits) {
    hn::Vec<Integers> digit[kRunsPerUnit];
    for (int place = kDigits - 1; place >= 0; --place) {
        constexpr int kUnused = 32 - kDigitBits<kDigits>;
        for (int run = 0; run < kRunsPerUnit; ++run) {
            if (place == 0)
                digit[run] = left[run];
            else if constexpr (kDigits == 3)
                digit[run] = hn::ShiftRight<kUnused>(hn::ShiftLeft<kUnused>(left[run]));
            else // the lowest of two is 0 or 1
                digit[run] = hn::And(left[run], hn::Set(Integers(), 1));
            left[run] = hn::ShiftRight<kDigitBits<kDigits>>(hn::Sub(left[run], digit[run]));
        }
        UnitBytes<kBits>::store(digit, digits + place * kWidestUnit);
    }
}

// Digits of the step x (128), and its unit u; returns Σ u·X. Fewer than three digits are those of rounded activations: x
// is whole, and u is given.
template <int kBits, int kDigits>
HWY_INLINE float prepareStep(const float* x, std::int8_t* digits, float& unit) {
    float perUnit = 1; // 1/u
    if constexpr (kDigits == 3) {
        auto largest = hn::Zero(Integers()); // bits of |x|, for a maximum of floats forgets NaN
        for (int run = 0; run < kRunsPerUnit; ++run)
            largest = hn::Max(largest, hn::BitCast(Integers(), hn::Abs(hn::LoadU(Floats(), x + 16 * run))));
        unit = unitOf(std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(Integers(), largest))), perUnit);
    }
    hn::Vec<Integers> whole[kRunsPerUnit];
    auto sum = hn::Zero(Integers());
    for (int run = 0; run < kRunsPerUnit; ++run) {
        whole[run] = hn::NearestInt(hn::Mul(hn::LoadU(Floats(), x + 16 * run), hn::Set(Floats(), perUnit)));
        sum = hn::Add(sum, whole[run]);
    }
    storeDigits<kBits, kDigits>(whole, digits);
    return unit * static_cast<float>(hn::GetLane(hn::SumOfLanes(Integers(), sum)));
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES

#endif // AVX3
#endif // per-target include guard
