// Products of a step's queries, in digits, with 2-bit codes of sixteen rows at once (coded_digits-inl.h).
//
// Two rows' units fill a vector. A product waits four cycles for the one before it in the same sum, and a processor looks only
// so many instructions ahead for others: so the sums of four vectors and three digits, which need nothing of each other, are
// taken in turn. That is 8.2 cycles a row on an AMD EPYC, of which six are its products; row after row they were 13.5.
// Compiled once per instruction set, and of use in one.

#if defined(FOVEA_CORE_KERNELS_CPU_CODED_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_CODED_PAIRS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_CODED_PAIRS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_CODED_PAIRS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "core/kernels/cpu/attend-inl.h"
#include "core/kernels/cpu/coded_fours-inl.h"
#include "core/kernels/cpu/rtn_digits-inl.h"

#if HWY_TARGET == HWY_AVX3

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace fovea::cpu::HWY_NAMESPACE {

constexpr int kDigits = 3;
constexpr int kPairs = 8;  // of rows that are taken at once
constexpr int kTwoBitUnit = kWidestUnit * 2 / 8;  // bytes

// Σ q·X of four vectors, each two rows' codes by their place in a byte, a float per lane.
// A lane adds up 16 products: |Σ q·X| <= 16·3·2^23 < 2^29.
HWY_INLINE void productsOfPairs(const hn::Vec<Bytes> (&codes)[4][4], const std::int8_t* digits,
                                hn::Vec<Floats> (&products)[4]) {
    hn::Vec<Integers> sum[kDigits][4];
    for (auto& ofDigit : sum)
        for (auto& one : ofDigit)
            one = hn::Zero(Integers());
    for (int place = 0; place < 4; ++place)
        for (int digit = 0; digit < kDigits; ++digit) {
            const auto* const of = digits + digit * kWidestUnit + place * kWidestUnit / 4;
            const auto both = _mm512_broadcast_i64x4(_mm256_load_si256(reinterpret_cast<const __m256i*>(of)));
            for (int i = 0; i < 4; ++i)
                sum[digit][i].raw = _mm512_dpbusd_epi32(sum[digit][i].raw, codes[i][place].raw, both);
        }
    for (int i = 0; i < 4; ++i) {
        const auto upper = hn::Add(hn::ShiftLeft<8>(sum[0][i]), sum[1][i]);
        products[i] = hn::ConvertTo(Floats(), hn::Add(hn::ShiftLeft<8>(upper), sum[2][i]));
    }
}

// One step of Q heads, whose digits lie `apart` bytes from each other, with the eight rows from `low` on and then those from
// `high` on; unit(row) is where the row's codes of this step lie.
template <int Q, class Unit>
HWY_INLINE void dotPairs(int low, int high, const Unit& unit, const std::int8_t* digits, std::int64_t apart,
                         hn::Vec<Floats> (&sums)[Q]) {
    hn::Vec<Floats> blocks[Q][2];
    for (int half = 0; half < 2; ++half) {
        hn::Vec<Bytes> codes[4][4];
        for (int i = 0; i < 4; ++i)
            takeApart(twoUnits(unit(low + 4 * half + i), unit(high + 4 * half + i)), codes[i]);
        for (int h = 0; h < Q; ++h) {
            hn::Vec<Floats> products[4];
            productsOfPairs(codes, digits + h * apart, products);
            blocks[h][half] = sumsOfBlocks(Floats(), products);
        }
    }
    // A row's sum lies in two blocks: the first two of `blocks` are low rows', the others high ones'.
    for (int h = 0; h < Q; ++h) {
        const auto even = _mm512_shuffle_f32x4(blocks[h][0].raw, blocks[h][1].raw, _MM_SHUFFLE(2, 0, 2, 0)),
                   odd = _mm512_shuffle_f32x4(blocks[h][0].raw, blocks[h][1].raw, _MM_SHUFFLE(3, 1, 3, 1));
        const auto inTurn = _mm512_add_ps(even, odd);  // four low rows, four high ones, low, high
        sums[h].raw = _mm512_shuffle_f32x4(inTurn, inTurn, _MM_SHUFFLE(3, 1, 2, 0));
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES
#endif  // AVX3
#endif  // per-target include guard
