// Codes of four rows side by side: each lane's four bytes are one component of four rows, and meet the same digit of their
// four weights in one instruction (coded_digits-inl.h). Compiled once per instruction set, and of use in one.

#if defined(FOVEA_CORE_KERNELS_CPU_CODED_FOURS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_CODED_FOURS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_CODED_FOURS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_CODED_FOURS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "core/kernels/cpu/rtn_digits-inl.h"

#if HWY_TARGET == HWY_AVX3

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace fovea::cpu::HWY_NAMESPACE {

// The component of its unit that lane `lane` of vector j of each half holds.
using FourOrder = std::uint8_t[2][4][16];

// Half a unit is one of the two vectors that UnitBytes loads.
template <int kBits>
struct FourRows {
    template <int kHalfUnit>
    static HWY_INLINE void load(const std::uint8_t* const (&unit)[4], hn::Vec<Bytes> (&fours)[4]) {
        hn::Vec<Bytes> row[4];
        for (int i = 0; i < 4; ++i) {
            hn::Vec<Bytes> codes[2];
            UnitBytes<kBits>::load(unit[i], codes);
            row[i] = codes[kHalfUnit];
        }
        const hn::Repartition<std::uint16_t, Bytes> pairs;
        const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(row[0], row[1])),
                   high01 = hn::BitCast(pairs, hn::InterleaveUpper(Bytes(), row[0], row[1])),
                   low23 = hn::BitCast(pairs, hn::InterleaveLower(row[2], row[3])),
                   high23 = hn::BitCast(pairs, hn::InterleaveUpper(Bytes(), row[2], row[3]));
        fours[0] = hn::BitCast(Bytes(), hn::InterleaveLower(low01, low23));
        fours[1] = hn::BitCast(Bytes(), hn::InterleaveUpper(pairs, low01, low23));
        fours[2] = hn::BitCast(Bytes(), hn::InterleaveLower(high01, high23));
        fours[3] = hn::BitCast(Bytes(), hn::InterleaveUpper(pairs, high01, high23));
    }

    static void order(FourOrder& to) {
        hn::Vec<Integers> runs[kRunsPerUnit];
        for (int run = 0; run < kRunsPerUnit; ++run)
            runs[run] = hn::Iota(Integers(), 16 * run);
        alignas(64) std::int8_t bytes[kWidestUnit];
        UnitBytes<kBits>::store(runs, bytes);
        for (int half = 0; half < 2; ++half)
            for (int j = 0; j < 4; ++j)
                for (int lane = 0; lane < 16; ++lane)
                    to[half][j][lane] =
                        static_cast<std::uint8_t>(bytes[kHalf * half + lane / 4 * 16 + 4 * j + lane % 4]);
    }
};

// The units of two rows, which are 32 bytes each.
HWY_INLINE hn::Vec<Bytes> twoUnits(const std::uint8_t* low, const std::uint8_t* high) {
    const hn::Full256<std::uint8_t> half;
    return hn::Combine(Bytes(), hn::LoadU(half, high), hn::LoadU(half, low));
}

// Four codes to a byte, from the lowest bits up: codes[i] are the i-th of each.
HWY_INLINE void takeApart(hn::Vec<Bytes> bytes, hn::Vec<Bytes> (&codes)[4]) {
    const hn::Repartition<std::uint16_t, Bytes> words;
    const auto four = hn::BitCast(words, bytes);
    const auto low = hn::Set(Bytes(), 3);
    codes[0] = hn::And(bytes, low);
    codes[1] = hn::And(hn::BitCast(Bytes(), hn::ShiftRight<2>(four)), low);
    codes[2] = hn::And(hn::BitCast(Bytes(), hn::ShiftRight<4>(four)), low);
    codes[3] = hn::And(hn::BitCast(Bytes(), hn::ShiftRight<6>(four)), low);
}

// Bytes of four units of 32, so that a lane's four are of one place: of places 0 to 7 and 16 to 23, or of 8 to 15 and 24
// to 31.
template <int kSecond>
HWY_INLINE hn::Vec<Bytes> placesOfFour(const std::uint8_t* const (&row)[4]) {
    const auto ac = twoUnits(row[0], row[2]), bd = twoUnits(row[1], row[3]);
    const auto pairs = kSecond ? hn::InterleaveUpper(Bytes(), ac, bd) : hn::InterleaveLower(ac, bd);
    alignas(64) static constexpr std::uint16_t kBeside[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                              21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                              11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return hn::Vec<Bytes>{_mm512_permutexvar_epi16(_mm512_load_si512(kBeside), pairs.raw)};
}

// Four codes to a byte (code_run.h): bytes are put side by side before they are taken apart, which is a third of the work.
// Byte b of a unit holds, from its lowest bits up, lane b/2 of runs 0 to 3, or 4 to 7 where b is odd.
template <>
struct FourRows<2> {
    template <int kHalfUnit>
    static HWY_INLINE void load(const std::uint8_t* const (&unit)[4], hn::Vec<Bytes> (&fours)[4]) {
        takeApart(placesOfFour<kHalfUnit>(unit), fours);
    }

    static void order(FourOrder& to) {
        for (int half = 0; half < 2; ++half)
            for (int j = 0; j < 4; ++j)
                for (int lane = 0; lane < 16; ++lane) {
                    const int byte = 8 * half + (lane < 8 ? lane : lane + 8);
                    to[half][j][lane] = static_cast<std::uint8_t>(16 * (j + byte % 2 * 4) + byte / 2);
                }
    }
};

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES
#endif  // AVX3
#endif  // per-target include guard
