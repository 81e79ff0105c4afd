// The products of coded_rows-inl.h in whole numbers, for rows of whole steps of 128 on machines that multiply bytes by
// fours (rtn_digits-inl.h has the idea and its error): queries, and weights times scales, are written in three digits.
//
//   query·key        as a product with a packed matrix: 64 codes meet as many digits in one instruction
//   weighted values  four rows at a time: their codes are interleaved, so that a lane's four bytes are one component of
//                    four rows, and meet the same digit of their four weights. One part in 2^24 of the largest weight of
//                    the tile is lost, which is what fp32 sums of them lose too.
//                    A lane adds up 4·255·128 at most per four rows: 2^31 holds 65,000 rows of 8 bits
// Compiled once per instruction set, and of use in one.

#if defined(FOVEA_CORE_KERNELS_CPU_CODED_DIGITS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_CODED_DIGITS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_CODED_DIGITS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_CODED_DIGITS_INL_H_
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstring>

#include "core/kernels/cpu/attend-inl.h"
#include "core/kernels/cpu/coded_fours-inl.h"
#include "core/kernels/cpu/coded_pairs-inl.h"
#include "core/kernels/cpu/coded_tile-inl.h"
#include "core/kernels/cpu/rtn_digits-inl.h"

#if HWY_TARGET == HWY_AVX3

HWY_PUSH_ATTRIBUTES(HWY_TARGET_STR ",avx512vnni")
namespace fovea::cpu::HWY_NAMESPACE {

// Of a pass's queries, (heads, steps): digits, and the unit of each.
struct QueryDigits {
    alignas(64) std::int8_t digits[kPassHeads * kMostSteps / 4][kDigits * kWidestUnit];
    float units[kPassHeads * kMostSteps / 4];
};
static_assert(kMostSteps / 4 * kWidestUnit == kMostRowCodes);

template <int kBits>
HWY_INLINE void askForUnit(const std::uint8_t* unit) {
    for (int byte = 0; byte < kWidestUnit * kBits / 8; byte += 64)
        __builtin_prefetch(unit + byte, 0, 3);
}

// The scores' sums of four rows, one after the other, from `first` on, and what is read after them.
template <int kBits, int Q, class Rows>
HWY_INLINE void dotFour(const CodedShape& shape, const Rows& rows, int first, int count, const QueryDigits& queries,
                        CodedTile& tile) {
    const std::uint8_t* row[4];
    for (int i = 0; i < 4; ++i)
        row[i] = rows.row(std::min(first + i, count - 1));
    for (int step = 0; step < shape.steps; ++step) {
        hn::Vec<Floats> sum[Q][4];
        for (int i = 0; i < 4; ++i) {
            const std::int64_t offset = step * (kWidestUnit * kBits / 8);
            askForUnit<kBits>(rows.ahead(std::min(first + i, count - 1), count) + offset);
            hn::Vec<Bytes> codes[2];
            UnitBytes<kBits>::load(row[i] + offset, codes);
            for (int h = 0; h < Q; ++h)
                sum[h][i] = unitProducts<kBits, kDigits>(codes, queries.digits[h * shape.steps + step]);
        }
        for (int h = 0; h < Q; ++h) {
            HWY_ALIGN float four[4];
            storeSums(Floats(), sum[h], four);
            const float unit = queries.units[h * shape.steps + step];
            float* const to = tile.work + std::int64_t{h * shape.steps + step} * shape.tile + first;
            for (int i = 0; i < 4; ++i)
                to[i] = four[i] * unit;
        }
    }
}

// The same of 2-bit codes, of sixteen rows: eight from `low` and eight from `high` on, where those beyond the tile's `count` may
// be any.
template <int Q, bool kBeyond, class Rows>
HWY_INLINE void dotSixteen(const CodedShape& shape, const Rows& rows, int low, int high, int count,
                           const QueryDigits& queries, CodedTile& tile) {
    for (int step = 0; step < shape.steps; ++step) {
        const std::int64_t offset = std::int64_t{step} * kTwoBitUnit;
        for (int i = 0; i < kPairs; ++i) {
            askForUnit<2>(rows.ahead(low + i, count) + offset);
            askForUnit<2>(rows.ahead(high + i, count) + offset);
        }
        const auto unit = [&](int row) HWY_ATTR { return rows.row(kBeyond ? std::min(row, count - 1) : row) + offset; };
        hn::Vec<Floats> sums[Q];
        dotPairs(low, high, unit, queries.digits[step], shape.steps * sizeof(queries.digits[0]), sums);
        for (int h = 0; h < Q; ++h) {
            const auto scaled = hn::Mul(sums[h], hn::Set(Floats(), queries.units[h * shape.steps + step]));
            float* const to = tile.work + std::int64_t{h * shape.steps + step} * shape.tile;
            const hn::Half<Floats> eight;
            hn::StoreU(hn::LowerHalf(eight, scaled), eight, to + low);
            hn::StoreU(hn::UpperHalf(eight, scaled), eight, to + high);
        }
    }
}

// Of q (heads, d): digits, and the sums of what they stand for in `all` (heads, steps).
template <int kBits>
HWY_NOINLINE void prepareDigits(const CodedShape& shape, int heads, const float* q, QueryDigits& queries, float* all) {
    for (int i = 0; i < heads * shape.steps; ++i)
        all[i] = prepareStep<kBits, kDigits>(q + i * kWidestUnit, queries.digits[i], queries.units[i]);
}

// tile.work (Q, steps, rows) = Σ y·q of each step, for the y that digits stand for.
template <int kBits, int Q, class Rows>
HWY_NOINLINE void dotDigits(const CodedShape& shape, const Rows& rows, int count, const QueryDigits& queries,
                            CodedTile& tile) {
    if constexpr (kBits == 2) {
        const int upper = count / (2 * kPairs) * kPairs;
        for (int first = 0; first < upper; first += kPairs)
            dotSixteen<Q, false>(shape, rows, first, first + upper, count, queries, tile);
        if (2 * upper < count) // tile.work has room for whole sixteens
            dotSixteen<Q, true>(shape, rows, 2 * upper, 2 * upper + kPairs, count, queries, tile);
    } else {
        const int upper = halfOf(count);
        int first = 0;
        for (; first < upper; first += 4) {
            dotFour<kBits, Q>(shape, rows, first, count, queries, tile);
            dotFour<kBits, Q>(shape, rows, first + upper, count, queries, tile);
        }
        for (first += upper; first < count; first += 4)
            dotFour<kBits, Q>(shape, rows, first, count, queries, tile);
    }
}

// The weights of a tile's rows in digits, four rows to a word, for one step of Q heads.
template <int Q>
struct WeightDigits {
    alignas(64) std::int8_t digits[kDigits][Q][kCodeFloats / Q + 16];
    float units[Q];

    hn::Vec<Bytes> ofFour(int digit, int h, int first) const {
        std::int32_t word;
        std::memcpy(&word, digits[digit][h] + first, 4);
        return hn::BitCast(Bytes(), hn::Set(Integers(), word));
    }

    // `weights` (count), which may be read up to a whole vector, and zeros for what is beyond.
    HWY_INLINE void set(int h, const float* weights, int count) {
        const Floats d;
        const Integers whole;
        const hn::Rebind<std::int8_t, Integers> narrow;
        const auto vector = [&](int i) { return hn::MaskedLoad(hn::FirstN(d, static_cast<std::size_t>(count - i)), d, weights + i); };
        auto largest = hn::Zero(whole);  // bits of |w|, for a maximum of floats forgets NaN
        for (int i = 0; i < count; i += 16)
            largest = hn::Max(largest, hn::BitCast(whole, hn::Abs(vector(i))));
        float perUnit = 0;
        units[h] = unitOf(std::bit_cast<float>(hn::GetLane(hn::MaxOfLanes(whole, largest))), perUnit);
        for (int i = 0; i < count; i += 16) {
            auto left = hn::NearestInt(hn::Mul(vector(i), hn::Set(d, perUnit)));
            for (int place = kDigits - 1; place >= 0; --place) {
                const auto digit = hn::ShiftRight<24>(hn::ShiftLeft<24>(left));
                left = hn::ShiftRight<8>(hn::Sub(left, digit));
                hn::StoreU(hn::DemoteTo(narrow, digit), narrow, digits[place][h] + i);
            }
        }
    }
};

// sum[h][digit][j] += weights times codes of four rows and half a unit, in FourRows' order.
template <int kBits, int Q, int kHalfUnit, class Rows>
HWY_INLINE void addFour(const Rows& rows, int first, int count, std::int64_t offset, const WeightDigits<Q>& weights,
                        hn::Vec<Integers> (&sum)[Q][kDigits][4]) {
    const std::uint8_t* unit[4];
    for (int i = 0; i < 4; ++i)
        unit[i] = rows.row(std::min(first + i, count - 1)) + offset;
    hn::Vec<Bytes> fours[4];
    FourRows<kBits>::template load<kHalfUnit>(unit, fours);
    for (int h = 0; h < Q; ++h)
        for (int digit = 0; digit < kDigits; ++digit) {
            const auto by = weights.ofFour(digit, h, first);
            for (int j = 0; j < 4; ++j)
                sum[h][digit][j].raw = _mm512_dpbusd_epi32(sum[h][digit][j].raw, fours[j].raw, by.raw);
        }
}

// The sums of one half of a unit, over rows that come chunk by chunk.
template <int Q>
using HalfSums = hn::Vec<Integers>[Q][kDigits][4];

// Asks for two rows' units.
template <int kBits, class Rows>
HWY_INLINE void askForTwo(const Rows& rows, int first, int count, std::int64_t offset) {
    for (int i = first; i < first + 2; ++i)
        askForUnit<kBits>(rows.toAsk(i, count) + offset);
}

// kHalfUnit of the rows [first, first + n) and, where `upper` is not 0, of as many from first + upper on. Of the next n,
// each half of a unit asks for one half of the rows, so that memory is never idle.
template <int kBits, int Q, int kHalfUnit, class Rows>
HWY_INLINE void addHalf(const Rows& rows, int first, int n, int upper, int count, std::int64_t offset,
                        const WeightDigits<Q>& weights, HalfSums<Q>& kept) {
    HalfSums<Q> sum; // in registers
    std::memcpy(&sum, &kept, sizeof(sum));
    int next = first + n + kHalfUnit * n / 2;
    for (int i = first; i < first + n; i += 4, next += 2) {
        askForTwo<kBits>(rows, next, count, offset);
        addFour<kBits, Q, kHalfUnit>(rows, i, count, offset, weights, sum);
        if (upper > 0) {
            askForTwo<kBits>(rows, next + upper, count, offset);
            addFour<kBits, Q, kHalfUnit>(rows, i + upper, count, offset, weights, sum);
        }
    }
    std::memcpy(&kept, &sum, sizeof(sum));
}

// o (dims of a unit) += the sums of half of it, of numbers in units of `unit`.
template <int kBits>
HWY_INLINE void putHalf(int half, const hn::Vec<Integers> (&sum)[kDigits][4], float unit, float* o) {
    struct Order {
        FourOrder components;
        Order() { FourRows<kBits>::order(components); }
    };
    static const Order order;
    for (int j = 0; j < 4; ++j) {
        auto total = hn::Zero(Floats());
        for (int digit = 0; digit < kDigits; ++digit)  // highest first
            total = hn::MulAdd(total, hn::Set(Floats(), 256.f), hn::ConvertTo(Floats(), sum[digit][j]));
        HWY_ALIGN float lanes[16];
        hn::Store(hn::Mul(total, hn::Set(Floats(), unit)), Floats(), lanes);
        for (int lane = 0; lane < 16; ++lane)
            o[order.components[half][j][lane]] += lanes[lane];
    }
}

// o (Q, dims), from the step's first component on, += weights times codes of its unit. Half a unit's sums are as many as
// there are registers for: rows come in chunks that stay in L1 for the second half.
template <int kBits, int Q, class Rows>
HWY_INLINE void addStep(const Rows& rows, int count, std::int64_t offset, const WeightDigits<Q>& weights, float* o,
                        int dims) {
    constexpr int kChunk = 32;
    HalfSums<Q> sums[2] = {};
    const int upper = halfOf(count);
    for (int first = 0; first < upper; first += kChunk) {
        const int n = std::min(kChunk, upper - first);
        addHalf<kBits, Q, 0>(rows, first, n, upper, count, offset, weights, sums[0]);
        addHalf<kBits, Q, 1>(rows, first, n, upper, count, offset, weights, sums[1]);
    }
    addHalf<kBits, Q, 0>(rows, 2 * upper, count - 2 * upper, 0, count, offset, weights, sums[0]);
    addHalf<kBits, Q, 1>(rows, 2 * upper, count - 2 * upper, 0, count, offset, weights, sums[1]);
    for (int h = 0; h < Q; ++h)
        for (int half = 0; half < 2; ++half)
            putHalf<kBits>(half, sums[half][h], weights.units[h], o + std::int64_t{h} * dims);
}

// o (Q, d), in order, += Σ w·q for the weights times scales in tile.work (Q, steps, rows). Two heads at a time: more sums
// than that are more than there are registers.
template <int kBits, int Q, class Rows>
HWY_NOINLINE void addDigits(const CodedShape& shape, const Rows& rows, int count, const CodedTile& tile, float* o) {
    constexpr int kAtOnce = Q < 2 ? Q : 2;
    WeightDigits<kAtOnce> weights;
    for (int first = 0; first < Q; first += kAtOnce)
        for (int step = 0; step < shape.steps; ++step) {
            for (int h = 0; h < kAtOnce; ++h)
                weights.set(h, tile.work + std::int64_t{(first + h) * shape.steps + step} * shape.tile, count);
            const std::int64_t offset = step * (kWidestUnit * kBits / 8);
            float* const to = o + std::int64_t{first} * shape.dims + step * kWidestUnit;
            addStep<kBits, kAtOnce>(rows, count, offset, weights, to, shape.dims);
        }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_POP_ATTRIBUTES

#else

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Never called: CodedShape::digits is false.
struct QueryDigits {};
template <int kBits>
void prepareDigits(const CodedShape&, int, const float*, QueryDigits&, float*) {}
template <int kBits, int Q, class Rows>
void dotDigits(const CodedShape&, const Rows&, int, const QueryDigits&, CodedTile&) {}
template <int kBits, int Q, class Rows>
void addDigits(const CodedShape&, const Rows&, int, const CodedTile&, float*) {}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AVX3
#endif  // per-target include guard
