// Products of packed codes and activations in fp32, on any machine.
// A code comes as c' = p + q/D (codes-inl.h), so a group's part of the sum is D·s·(Σ c'·x − (p + z/D)·Σ x): scales and
// zeros cost one multiply-add per group, and Σ x of each group is the same for all rows. Per 16 weights of a row a shift,
// a masked or and for each vector a multiply-add. A vector's sums are formed in the same order whatever goes beside it.
// Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_RTN_FLOATS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_RTN_FLOATS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_RTN_FLOATS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_RTN_FLOATS_INL_H_
#endif

#include <hwy/highway.h>

#include "core/kernels/cpu/codes-inl.h"
#include "core/kernels/cpu/rtn_rows-inl.h"
#include "core/kernels/cpu/rtn_vectors.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

struct RtnOperands {
    const RtnParams& rtn;
    const RtnVectors& vectors;
    const std::uint8_t* w;
    float* y;
    std::int64_t out;
};

// Where steps end (rtn_rows-inl.h), which all rows have in common: the shift that makes a weight's index a step's, and
// for units of each number of lanes a bit k where the k-th run ends one.
struct RtnSteps {
    int shift;
    unsigned ends16, ends8, ends4;
};

HWY_INLINE RtnSteps stepsOf(const RtnParams& rtn) {
    if (rtn.group == 32)
        return {5, 0xAA, 0x88, 0x80};
    return {rtn.group == 64 ? 6 : 7, rtn.group == 64 ? 0x88u : 0x80u, 0x80, 0x80};
}

// R rows that are worked on together.
template <int R>
struct RtnRows {
    const std::uint8_t* codes[R];
    const float* scale[R]; // D·s of every step
    const float* below[R]; // D·s·(p + z/D) of every group
    std::int64_t row[R];

    RtnRows<1> only(int r) const { return {{codes[r]}, {scale[r]}, {below[r]}, {row[r]}}; }
    RtnRows<2> two(int r) const {
        return {{codes[r], codes[r + 1]},
                {scale[r], scale[r + 1]},
                {below[r], below[r + 1]},
                {row[r], row[r + 1]}};
    }
};

// What the ones of a step's odd runs add, taken away beforehand: −Σ x over the odd runs from kRun on to the step's end.
template <int kLanes, int kRun, class D>
HWY_INLINE hn::Vec<D> onesBefore(D d, const float* x, unsigned ends) {
    auto sum = hn::Neg(hn::LoadU(d, x + kRun * kLanes));
    if constexpr (kRun + 2 < kRunsPerUnit)
        if ((ends >> kRun & 1) == 0)
            sum = hn::Add(sum, onesBefore<kLanes, kRun + 2>(d, x, ends));
    return sum;
}

// Σ c'·x of the runs kRun.. of one unit, into `total` wherever a step ends.
template <int kBits, int R, int N, int kLanes, int kRun, class D, class Words>
HWY_INLINE void addRuns(D d, const Words (&words)[R], const float* x, std::int64_t in, unsigned ends,
                        const float* const (&scale)[R], std::int64_t step, hn::Vec<D> (&partial)[R][N],
                        hn::Vec<D> (&total)[R][N]) {
    hn::Vec<D> v[N];
    for (int n = 0; n < N; ++n)
        v[n] = hn::LoadU(d, x + n * in + kRun * kLanes);
    if constexpr (kRun % 2 == 0)
        if (kRun == 0 || (ends >> (kRun == 0 ? 0 : kRun - 1) & 1) != 0) // a step begins
            for (int n = 0; n < N; ++n) {
                const auto first =
                    Codes<kBits>::kOddPlus ? onesBefore<kLanes, kRun + 1>(d, x + n * in, ends) : hn::Zero(d);
                for (int r = 0; r < R; ++r)
                    partial[r][n] = first;
            }
    for (int r = 0; r < R; ++r) {
        const auto code = Codes<kBits>::template value<kRun>(d, words[r]);
        for (int n = 0; n < N; ++n)
            partial[r][n] = hn::MulAdd(code, v[n], partial[r][n]);
    }
    if (kRun % 2 == 1 && (ends >> kRun & 1) != 0) { // a step is two runs at least
        for (int r = 0; r < R; ++r)
            for (int n = 0; n < N; ++n)
                total[r][n] = hn::MulAdd(hn::Set(d, scale[r][step]), partial[r][n], total[r][n]);
        ++step;
    }
    if constexpr (kRun + 1 < kRunsPerUnit)
        addRuns<kBits, R, N, kLanes, kRun + 1>(d, words, x, in, ends, scale, step, partial, total);
}

// As many bytes of each row as a unit has, some units on. They may lie past the end of memory, where asking does no harm.
template <int kBits, int R>
HWY_INLINE void askAhead(const RtnRows<R>& rows, std::int64_t at) {
    constexpr int kLine = 64, kUnitBytes = kWidestUnit * kBits / 8, kAhead = 3072;
    for (int r = 0; r < R; ++r)
        for (int line = 0; line < kUnitBytes; line += kLine)
            __builtin_prefetch(rows.codes[r] + at + kAhead + line, 0, 3);
}

// Adds the units of kLanes lanes among the codes from `first` on of R rows to `sums`, for N vectors; where they ended.
template <int kBits, int R, int N, int kLanes>
HWY_INLINE std::int64_t addUnits(const RtnRows<R>& rows, const float* x, std::int64_t in, std::int64_t first,
                                 const RtnSteps& steps, unsigned ends, float (&sums)[R][N]) {
    constexpr int kUnit = kLanes * kRunsPerUnit;
    using D = hn::CappedTag<float, kLanes>;
    const D d;
    hn::Vec<D> total[R][N], partial[R][N];
    for (int r = 0; r < R; ++r)
        for (int n = 0; n < N; ++n)
            total[r][n] = hn::Zero(d);
    for (; in - first >= kUnit; first += kUnit)
        for (int lane = 0; lane < kLanes; lane += static_cast<int>(hn::Lanes(d))) {
            typename Codes<kBits>::template Words<D> words[R];
            for (int r = 0; r < R; ++r)
                words[r] = Codes<kBits>::template load<kLanes>(d, rows.codes[r] + first * kBits / 8, lane);
            if (kLanes == 16 && lane == 0)
                askAhead<kBits, R>(rows, first * kBits / 8);
            addRuns<kBits, R, N, kLanes, 0>(d, words, x + first + lane, in, ends, rows.scale,
                                            first >> steps.shift, partial, total);
        }
    for (int r = 0; r < R; ++r)
        for (int n = 0; n < N; ++n)
            sums[r][n] += hn::GetLane(hn::SumOfLanes(d, total[r][n]));
    return first;
}

// The same of what units of 16 lanes leave, of one row and vector: less than 128 codes.
template <int kBits>
HWY_INLINE float restOf(const RtnRows<1>& row, const float* x, std::int64_t in, std::int64_t first,
                        const RtnSteps& steps) {
    using C = Codes<kBits>;
    float sum[1][1] = {};
    first = addUnits<kBits, 1, 1, 8>(row, x, in, first, steps, steps.ends8, sum);
    first = addUnits<kBits, 1, 1, 4>(row, x, in, first, steps, steps.ends4, sum);
    float last = 0; // of a string of bits, all in one step
    for (std::int64_t i = first; i < in; ++i)
        last +=
            (C::kPlus + lastCode<kBits>(row.codes[0] + first * kBits / 8, i - first) / C::kDivisor) * x[i];
    return first < in ? sum[0][0] + last * row.scale[0][first >> steps.shift] : sum[0][0];
}

// y of R rows, for N vectors from `vector` on.
template <int kBits, int R, int N>
HWY_INLINE void dotRtnRows(const RtnOperands& o, const RtnRows<R>& rows, std::int64_t vector) {
    const RtnSteps steps = stepsOf(o.rtn);
    const std::int64_t in = o.vectors.in;
    const float* const x = o.vectors.vector(vector);
    float sums[R][N] = {};
    const std::int64_t at = addUnits<kBits, R, N, 16>(rows, x, in, 0, steps, steps.ends16, sums);
    for (int r = 0; r < R; ++r)
        for (int n = 0; n < N; ++n) {
            if (at < in)
                sums[r][n] += restOf<kBits>(rows.only(r), x + n * in, in, at, steps);
            o.y[(vector + n) * o.out + rows.row[r]] =
                sums[r][n] - dotOf(rows.below[r], o.vectors.sumsOf(vector + n), o.vectors.groups);
        }
}

// D·s of every step and D·s·(p + z/D) of every group of an unpacked row, p and D as its codes have them; where scales and
// zeros were.
template <int kBits>
HWY_INLINE void placeScales(const RtnParams& rtn, std::int64_t groups, RtnScratch& scratch, int r) {
    using C = Codes<kBits>;
    float *const scale = scratch.scale(r), *const zero = scratch.zero(r);
    const auto place = [&](auto tag, std::int64_t g) HWY_ATTR {
        const auto s = hn::Mul(hn::LoadU(tag, scale + g), hn::Set(tag, C::kDivisor));
        const auto z =
            hn::MulAdd(hn::LoadU(tag, zero + g), hn::Set(tag, 1 / C::kDivisor), hn::Set(tag, C::kPlus));
        hn::StoreU(s, tag, scale + g);
        hn::StoreU(hn::Mul(s, z), tag, zero + g);
    };
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(Widest()));
    std::int64_t g = 0;
    for (; g + lanes <= groups; g += lanes)
        place(Widest(), g);
    for (; g < groups; ++g)
        place(Single(), g);
    if (rtn.group > kWidestUnit) // from the end on, for what is written is never read again
        for (std::int64_t step = scratch.steps() - 1; step >= 0; --step)
            scale[step] = scale[step * kWidestUnit / rtn.group];
}

// Four vectors share each code of two rows; those that are left go over all R, which are in L1 by then.
template <int kBits, int R>
HWY_INLINE void multiplyTogether(const RtnOperands& o, const std::int64_t (&row)[R], RtnScratch& scratch) {
    RtnRows<R> rows;
    const RtnRow at = rtnRow(o.rtn, o.vectors.in);
    for (int r = 0; r < R; ++r) {
        const std::uint8_t* const from = o.w + row[r] * at.bytes;
        unpackGroups<kBits>(o.rtn, at, from, scratch, r);
        placeScales<kBits>(o.rtn, at.groups, scratch, r);
        rows.codes[r] = from + at.codes;
        rows.scale[r] = scratch.scale(r);
        rows.below[r] = scratch.zero(r);
        rows.row[r] = row[r];
    }
    std::int64_t vector = 0;
    if constexpr (R > 1)
        for (; vector + 4 <= o.vectors.vectors; vector += 4)
            for (int r = 0; r < R; r += 2)
                dotRtnRows<kBits, 2, 4>(o, rows.two(r), vector);
    for (; vector < o.vectors.vectors; ++vector)
        dotRtnRows<kBits, R, 1>(o, rows, vector);
}

// Rows [first, last), two from each half at a time: they share each load of x, and memory is read in two long streams.
template <int kBits>
void multiplyRtn(const RtnOperands& o, std::int64_t first, std::int64_t last) {
    thread_local RtnScratch scratch;
    scratch.fit(o.rtn, o.vectors.in);
    const std::int64_t half = (last - first) / 2;
    std::int64_t row = first;
    for (; row + 2 <= first + half; row += 2)
        multiplyTogether<kBits, 4>(o, {row, row + 1, row + half, row + half + 1}, scratch);
    if (row < first + half)
        multiplyTogether<kBits, 2>(o, {row, row + half}, scratch);
    if (first + 2 * half < last)
        multiplyTogether<kBits, 1>(o, {last - 1}, scratch);
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif // per-target include guard
