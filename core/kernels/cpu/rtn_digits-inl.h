// Products of packed codes and float activations in bytes, where the machine multiplies bytes by fours and adds them up in
// one instruction (AVX-512 VNNI). Codes q are whole numbers; so are activations once each step of 128 has a unit of its own:
//   X = round(x / u), u = max|x| / M, M = 127·2^16;  X = 2^16·X₂ + 2^8·X₁ + X₀, all three digits in [−128, 127]
//   Σ q·x = u·Σ q·X, but for at most u/2 of each x: one part in 2^24 of the largest of the 128
// Sums of q·X are exact. A product in fp32 does not round x, but every partial sum, which loses more.
// An instruction takes 64 codes, so that 128 codes of 4 bits are 13 of them in all (3 to take the codes apart, 6 products,
// 2 shifts, 1 conversion, 1 multiply-add), where fp32 takes 21 (rtn_floats-inl.h).
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

// Digits (kDigits, 128) of the step x (128), and its unit u; returns Σ u·X. With one digit x is whole and u is 1.
template <int kBits, int kDigits>
HWY_INLINE float prepareStep(const float* x, std::int8_t* digits, float& unit) {
    hn::Vec<Integers> left[kRunsPerUnit], digit[kRunsPerUnit];
    float perUnit = 1; // 1/u
    unit = 1;
    if constexpr (kDigits == 3) {
        auto largest = hn::Zero(Integers()); // bits of |x|, for a maximum of floats forgets NaN
        for (int run = 0; run < kRunsPerUnit; ++run)
            largest = hn::Max(largest, hn::BitCast(Integers(), hn::Abs(hn::LoadU(Floats(), x + 16 * run))));
        unit = unitOf(std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(Integers(), largest))), perUnit);
    }
    auto sum = hn::Zero(Integers());
    for (int run = 0; run < kRunsPerUnit; ++run) {
        left[run] = hn::NearestInt(hn::Mul(hn::LoadU(Floats(), x + 16 * run), hn::Set(Floats(), perUnit)));
        sum = hn::Add(sum, left[run]);
    }
    for (int place = kDigits - 1; place >= 0; --place) {
        for (int run = 0; run < kRunsPerUnit; ++run) {
            digit[run] = hn::ShiftRight<24>(hn::ShiftLeft<24>(left[run]));
            left[run] = hn::ShiftRight<8>(hn::Sub(left[run], digit[run]));
        }
        UnitBytes<kBits>::store(digit, digits + place * kWidestUnit);
    }
    return unit * static_cast<float>(hn::GetLane(hn::SumOfLanes(Integers(), sum)));
}

template <int kBits, int kDigits>
void prepareDigits(const RtnParams& rtn, RtnVectors& v) {
    const std::int64_t whole = v.steps * kWidestUnit;
    for (std::int64_t i = 0; i < v.vectors; ++i) {
        float* const sums = v.sums.data() + i * v.groups;
        std::fill_n(sums, v.groups, 0.f);
        for (std::int64_t step = 0; step < v.steps; ++step)
            sums[step * kWidestUnit / rtn.group] +=
                prepareStep<kBits, kDigits>(v.vector(i) + step * kWidestUnit,
                                            v.bytes.data() + (i * v.steps + step) * kDigits * kWidestUnit,
                                            v.scales[static_cast<std::size_t>(i * v.steps + step)]);
        if (whole < v.in)
            sums[whole / rtn.group] += plainSum(v.vector(i) + whole, v.in - whole);
    }
}

constexpr int kDigitsAhead = 3072; // bytes of each stream that are asked for ahead of those in work

// Σ s·u·(Σ q·X) over the steps of each row, `scaled` being s·u.
template <int kBits, int kDigits, int R, bool kAsk>
HWY_INLINE void addSteps(const std::uint8_t* const (&codes)[R], const float* const (&scaled)[R],
                         const std::int8_t* digits, std::int64_t steps, float (&sums)[R]) {
    constexpr int kUnit = 16 * kBits; // bytes
    hn::Vec<Floats> total[R];
    for (int r = 0; r < R; ++r)
        total[r] = hn::Zero(Floats());
    for (std::int64_t step = 0; step < steps; ++step, digits += kDigits * kWidestUnit)
        for (int r = 0; r < R; ++r) {
            const std::uint8_t* const unit = codes[r] + step * kUnit;
            for (int at = 0; kAsk && at < kUnit; at += 64)
                __builtin_prefetch(unit + kDigitsAhead + at, 0, 3);
            hn::Vec<Bytes> bytes[2];
            UnitBytes<kBits>::load(unit, bytes);
            total[r] = hn::MulAdd(unitProducts<kBits, kDigits>(bytes, digits),
                                  hn::Set(Floats(), scaled[r][step]), total[r]);
        }
    for (int r = 0; r < R; ++r)
        sums[r] = hn::GetLane(hn::SumOfLanes(Floats(), total[r]));
}

// s·u of every step.
HWY_INLINE void scaleSteps(const RtnParams& rtn, const float* scale, const float* unit, std::int64_t steps,
                           float* to) {
    std::int64_t step = 0;
    if (rtn.group == kWidestUnit)
        for (; step + 16 <= steps; step += 16)
            hn::StoreU(hn::Mul(hn::LoadU(Floats(), scale + step), hn::LoadU(Floats(), unit + step)), Floats(),
                       to + step);
    for (; step < steps; ++step)
        to[step] = scale[step * kWidestUnit / rtn.group] * unit[step];
}

// Σ s·z·(Σ x) over groups.
HWY_INLINE float belowOf(const float* scale, const float* zero, const float* sums, std::int64_t groups) {
    auto total = hn::Zero(Floats());
    std::int64_t g = 0;
    for (; g + 16 <= groups; g += 16)
        total = hn::MulAdd(hn::Mul(hn::LoadU(Floats(), scale + g), hn::LoadU(Floats(), zero + g)),
                           hn::LoadU(Floats(), sums + g), total);
    float rest = 0;
    for (; g < groups; ++g)
        rest += scale[g] * zero[g] * sums[g];
    return hn::GetLane(hn::SumOfLanes(Floats(), total)) + rest;
}

// Products of one matrix's rows and the prepared vectors.
template <int kBits, int kDigits>
class DigitProducts {
public:
    DigitProducts(const RtnParams& rtn, const RtnVectors& v, const std::uint8_t* w, float* y,
                  std::int64_t out)
        : m_rtn(rtn), m_vectors(v), m_w(w), m_y(y), m_out(out), m_at(rtnRow(rtn, v.in)) {
        scratch().fit(rtn, v.in);
    }

    // Rows [first, last), one from each half at a time: memory is read in two long streams. Scales and zeros are unpacked
    // a pair ahead: what is stored in pieces is slow to load at once while it is on its way to the cache.
    HWY_INLINE void multiply(std::int64_t first, std::int64_t last) const {
        const std::int64_t half = (last - first) / 2;
        if (half > 0)
            unpack<2>(first, half, 0);
        int pair = 0;
        for (std::int64_t row = first; row < first + half; ++row, pair = 2 - pair) {
            if (row + 1 < first + half)
                unpack<2>(row + 1, half, 2 - pair);
            dot<2>(row, half, pair);
        }
        if (first + 2 * half < last) {
            unpack<1>(last - 1, 0, 0);
            dot<1>(last - 1, 0, 0);
        }
    }

private:
    static RtnScratch& scratch() {
        thread_local RtnScratch kept;
        return kept;
    }

    // Row row, row + apart, … (R of them), the i-th as row at + i of the scratch; and asks for what the next ones need of
    // memory then, which is before their codes are asked for.
    template <int R>
    HWY_INLINE void unpack(std::int64_t row, std::int64_t apart, int at) const {
        for (int r = 0; r < R; ++r) {
            const std::uint8_t* const from = m_w + (row + r * apart) * m_at.bytes;
            for (std::int64_t line = 0; line < m_at.codes; line += 64)
                __builtin_prefetch(from + m_at.bytes + line, 0, 3);
            unpackGroups<kBits>(m_rtn, m_at, from, m_scratch, at + r);
        }
    }

    // y of these rows, for all vectors.
    template <int R>
    HWY_INLINE void dot(std::int64_t row, std::int64_t apart, int at) const {
        const RtnVectors& v = m_vectors;
        const std::uint8_t* codes[R];
        const float* scaled[R];
        for (int r = 0; r < R; ++r) {
            codes[r] = m_w + (row + r * apart) * m_at.bytes + m_at.codes;
            scaled[r] = m_scratch.scaled(at + r);
        }
        for (std::int64_t i = 0; i < v.vectors; ++i) {
            for (int r = 0; r < R; ++r)
                scaleSteps(m_rtn, m_scratch.scale(at + r), v.scalesOf(i), v.steps, m_scratch.scaled(at + r));
            float sums[R];
            if (i == 0)
                addSteps<kBits, kDigits, R, true>(codes, scaled, v.bytesOf(i), v.steps, sums);
            else
                addSteps<kBits, kDigits, R, false>(codes, scaled, v.bytesOf(i), v.steps, sums);
            for (int r = 0; r < R; ++r)
                m_y[i * m_out + row + r * apart] =
                    sums[r] + rest(codes[r], i, m_scratch.scale(at + r)) -
                    belowOf(m_scratch.scale(at + r), m_scratch.zero(at + r), v.sumsOf(i), v.groups);
        }
    }

    // What the codes beyond the whole steps add, which are in one group.
    HWY_INLINE float rest(const std::uint8_t* codes, std::int64_t vector, const float* scale) const {
        const std::int64_t whole = m_vectors.steps * kWidestUnit, n = m_vectors.in - whole;
        if (n == 0)
            return 0;
        float values[kWidestUnit];
        widenCodes<kBits>(codes + codeBytes(kBits, whole), n, values);
        return scale[whole / m_rtn.group] * dotOf(values, m_vectors.vector(vector) + whole, n);
    }

    const RtnParams& m_rtn;
    const RtnVectors& m_vectors;
    const std::uint8_t* m_w;
    float* m_y;
    std::int64_t m_out;
    RtnRow m_at;
    RtnScratch& m_scratch = scratch();
};

template <int kBits, int kDigits>
void multiplyDigits(const RtnParams& rtn, const RtnVectors& v, const std::uint8_t* w, float* y,
                    std::int64_t out, std::int64_t first, std::int64_t last) {
    DigitProducts<kBits, kDigits>(rtn, v, w, y, out).multiply(first, last);
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES

#endif // AVX3
#endif // per-target include guard
