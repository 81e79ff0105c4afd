// Products of one packed matrix's rows and vectors in digits (rtn_digits-inl.h has the formula).
// Compiled once per instruction set, and of use in one.

#if defined(FOVEA_CORE_KERNELS_CPU_DIGIT_PRODUCTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_DIGIT_PRODUCTS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_DIGIT_PRODUCTS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_DIGIT_PRODUCTS_INL_H_
#endif

#include <hwy/highway.h>

#include <array>

#include "core/kernels/cpu/rtn_digits-inl.h"
#include "core/kernels/cpu/rtn_rows-inl.h"
#include "core/kernels/cpu/rtn_vectors.h"
#include "core/methods/quantise/rtn.h"

#if HWY_TARGET == HWY_AVX3

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace fovea::cpu::HWY_NAMESPACE {

template <int kBits, int kDigits>
void prepareDigits(const RtnParams& rtn, RtnVectors& v) {
    const std::int64_t whole = v.steps * kWidestUnit;
    for (std::int64_t i = 0; i < v.vectors; ++i) {
        float* const sums = v.sums.data() + i * v.groups;
        std::fill_n(sums, v.groups, 0.f);
        for (std::int64_t step = 0; step < v.steps; ++step) {
            const std::int64_t at = step * kWidestUnit;
            float& unit = v.scales[static_cast<std::size_t>(i * v.steps + step)];
            if constexpr (kDigits < 3)
                unit = v.rounded.scales[i];
            const float* const x = kDigits < 3 ? v.rounded.whole + i * v.in : v.vector(i);
            sums[at / rtn.group] += prepareStep<kBits, kDigits>(
                x + at, v.bytes.data() + (i * v.steps + step) * kDigits * kWidestUnit, unit);
        }
        if (whole < v.in)
            sums[whole / rtn.group] += plainSum(v.vector(i) + whole, v.in - whole);
    }
}

// Scales and zeros of a row of at least one step, sixteen at a time: what is read beyond them is the row's own, its codes,
// and what is written beyond them is room of the scratch. Rows of a small model have a handful, and one at a time those
// took longer than all their codes.
template <int kBits>
HWY_INLINE void unpackWhole(const RtnParams& rtn, const RtnRow& at, const std::uint8_t* row, float* scale,
                            float* zero) {
    const std::int64_t groups = at.zeros / 2;
    for (std::int64_t g = 0; g < groups; g += 16)
        hn::StoreU(F16Loader::load(Floats(), reinterpret_cast<const hwy::float16_t*>(row) + g), Floats(), scale + g);
    if (rtn.mode == RtnParams::Mode::Symmetric || rtn.zero == RtnParams::Zero::Free)
        return widenZeros<kBits>(rtn, row + at.zeros, groups, zero);
    const std::int64_t inUnits = groups / kNarrowestUnit * kNarrowestUnit;
    widenCodes<kBits>(row + at.zeros, inUnits, zero);
    // The others are a string of bits, of which each lane takes the two bytes that its code is in.
    alignas(64) static constexpr auto kBytesOf = [] {
        std::array<std::uint8_t, 64> bytes{};
        for (int lane = 0; lane < 16; ++lane)
            for (int byte = 0; byte < 4; ++byte) {
                const int from = lane * kBits / 8 + byte;
                bytes[static_cast<std::size_t>(4 * lane + byte)] =
                    static_cast<std::uint8_t>(byte < 2 && from < 16 ? from : 0x80);
            }
        return bytes;
    }();
    const hn::Repartition<std::uint32_t, Bytes> words;
    const auto shift = hn::And(hn::Mul(hn::Iota(words, 0), hn::Set(words, kBits)), hn::Set(words, 7));
    for (std::int64_t g = inUnits; g < groups; g += 16) {
        const auto bytes = hn::TableLookupBytesOr0(hn::LoadDup128(Bytes(), row + at.zeros + g * kBits / 8),
                                                   hn::Load(Bytes(), kBytesOf.data()));
        const auto codes = hn::And(hn::Shr(hn::BitCast(words, bytes), shift), hn::Set(words, (1u << kBits) - 1));
        hn::StoreU(hn::ConvertTo(Floats(), hn::BitCast(Integers(), codes)), Floats(), zero + g);
    }
}

constexpr int kDigitsAhead = 4096; // bytes of each stream that are asked for ahead of those in work

// total += Σ s·u·(Σ q·X) over the steps of each row, `scaled` being s·u.
template <int kBits, int kDigits, int R, bool kAsk>
HWY_INLINE void addSteps(const std::uint8_t* const (&codes)[R], const float* const (&scaled)[R],
                         const std::int8_t* digits, std::int64_t steps, hn::Vec<Floats> (&total)[R]) {
    constexpr int kUnit = 16 * kBits; // bytes
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
}

// s·u of every step. All are read and written in whole vectors, for which there is room.
HWY_INLINE void scaleSteps(const RtnParams& rtn, const float* scale, const float* unit, std::int64_t steps,
                           float* to) {
    if (rtn.group == kWidestUnit) {
        for (std::int64_t step = 0; step < steps; step += 16)
            hn::StoreU(hn::Mul(hn::LoadU(Floats(), scale + step), hn::LoadU(Floats(), unit + step)), Floats(),
                       to + step);
        return;
    }
    for (std::int64_t step = 0; step < steps; ++step)
        to[step] = scale[step * kWidestUnit / rtn.group] * unit[step];
}

// −Σ s·z·(Σ x) over groups, in lanes. What stands beyond the groups, in the last vector, is anything.
HWY_INLINE hn::Vec<Floats> belowOf(const float* scale, const float* zero, const float* sums, std::int64_t groups) {
    auto total = hn::Zero(Floats());
    for (std::int64_t g = 0; g < groups; g += 16) {
        const auto product = hn::Mul(hn::Mul(hn::LoadU(Floats(), scale + g), hn::LoadU(Floats(), zero + g)),
                                     hn::LoadU(Floats(), sums + g));
        const auto there = hn::FirstN(Floats(), static_cast<std::size_t>(groups - g));
        total = hn::Sub(total, hn::IfThenElseZero(there, product));
    }
    return total;
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
            if (m_vectors.steps > 0)
                unpackWhole<kBits>(m_rtn, m_at, from, m_scratch.scale(at + r), m_scratch.zero(at + r));
            else
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
            hn::Vec<Floats> total[R];
            for (int r = 0; r < R; ++r)
                total[r] = belowOf(m_scratch.scale(at + r), m_scratch.zero(at + r), v.sumsOf(i), v.groups);
            if (i == 0)
                addSteps<kBits, kDigits, R, true>(codes, scaled, v.bytesOf(i), v.steps, total);
            else
                addSteps<kBits, kDigits, R, false>(codes, scaled, v.bytesOf(i), v.steps, total);
            for (int r = 0; r < R; ++r)
                m_y[i * m_out + row + r * apart] = hn::GetLane(hn::SumOfLanes(Floats(), total[r])) +
                                                   rest(codes[r], i, m_scratch.scale(at + r));
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
