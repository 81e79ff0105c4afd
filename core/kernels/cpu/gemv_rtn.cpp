// y (n, out) = x (n, in) · Wᵀ, W (out, in) in packed rows (core/methods/quantise/rtn.h has the formula and the layout,
// rtn_pack.h the truth).
//   reads   every byte of W once for all vectors; x stays in L1 or L2
//   writes  n·out floats
//   work    per 16 weights of a row a shift, a masked or and for each vector a multiply-add
// A code comes as c' = p + q/D (codes-inl.h), so a group's part of the sum is D·s·(Σ c'·x − (p + z/D)·Σ x): scales and
// zeros cost one multiply-add per group, and Σ x of each group is the same for all rows. Rows are split over threads in
// runs of about 64 KiB; four rows at a time share each load of x, up to four vectors each code. A vector's sums are
// formed in the same order whatever goes beside it.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv_rtn.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/codes-inl.h"
#include "core/kernels/cpu/rtn_rows-inl.h"
#include "core/kernels/cpu/tasks.h"

#include <vector>

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Rows and vectors, each one after the other; sums (n, groups) of x.
struct RtnOperands {
    const RtnParams& rtn;
    const std::uint8_t* w;
    const float* x;
    const float* sums;
    float* y;
    std::int64_t in, out;
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
    const float* scale[R];  // D·s of every step
    const float* below[R];  // D·s·(p + z/D) of every group
    std::int64_t bytes;     // of a row

    RtnRows<1> only(int r) const { return {{codes[r]}, {scale[r]}, {below[r]}, bytes}; }
    RtnRows<2> two(int r) const {
        return {{codes[r], codes[r + 1]}, {scale[r], scale[r + 1]}, {below[r], below[r + 1]}, bytes};
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
        if (kRun == 0 || (ends >> (kRun == 0 ? 0 : kRun - 1) & 1) != 0)  // a step begins
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
    if (kRun % 2 == 1 && (ends >> kRun & 1) != 0) {  // a step is two runs at least
        for (int r = 0; r < R; ++r)
            for (int n = 0; n < N; ++n)
                total[r][n] = hn::MulAdd(hn::Set(d, scale[r][step]), partial[r][n], total[r][n]);
        ++step;
    }
    if constexpr (kRun + 1 < kRunsPerUnit)
        addRuns<kBits, R, N, kLanes, kRun + 1>(d, words, x, in, ends, scale, step, partial, total);
}

// The next R rows, as many bytes of them as a unit of these R rows has: streams of half a page are too short for the
// machine to foresee, so they are asked for in the order of memory while these are worked on.
template <int kBits, int R>
HWY_INLINE void askFor(const std::uint8_t* from) {
    constexpr int kLine = 64, kUnitBytes = R * kWidestUnit * kBits / 8;
    for (int at = 0; at < kUnitBytes; at += kLine)
        __builtin_prefetch(from + at, 0, 2);
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
                askFor<kBits, R>(rows.codes[0] + R * rows.bytes + first * kBits / 8 * R);
            addRuns<kBits, R, N, kLanes, 0>(d, words, x + first + lane, in, ends, rows.scale, first >> steps.shift,
                                            partial, total);
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
    float last = 0;  // of a string of bits, all in one step
    for (std::int64_t i = first; i < in; ++i)
        last += (C::kPlus + lastCode<kBits>(row.codes[0] + first * kBits / 8, i - first) / C::kDivisor) * x[i];
    return first < in ? sum[0][0] + last * row.scale[0][first >> steps.shift] : sum[0][0];
}

// y of R rows from `row` on, for N vectors from `vector` on.
template <int kBits, int R, int N>
HWY_INLINE void dotRtnRows(const RtnOperands& o, const RtnRows<R>& rows, std::int64_t row, std::int64_t vector) {
    const RtnSteps steps = stepsOf(o.rtn);
    const std::int64_t groups = (o.in + o.rtn.group - 1) / o.rtn.group;
    const float* const x = o.x + vector * o.in;
    float sums[R][N] = {};
    const std::int64_t at = addUnits<kBits, R, N, 16>(rows, x, o.in, 0, steps, steps.ends16, sums);
    for (int r = 0; r < R; ++r)
        for (int n = 0; n < N; ++n) {
            if (at < o.in)
                sums[r][n] += restOf<kBits>(rows.only(r), x + n * o.in, o.in, at, steps);
            o.y[(vector + n) * o.out + row + r] =
                sums[r][n] - dotOf(rows.below[r], o.sums + (vector + n) * groups, groups);
        }
}

template <int kBits, int R>
HWY_INLINE RtnRows<R> describeRows(const RtnOperands& o, std::int64_t row, RtnScratch& scratch) {
    RtnRows<R> rows;
    const RtnRow at = rtnRow(o.rtn, o.in);
    rows.bytes = at.bytes;
    for (int r = 0; r < R; ++r) {
        const std::uint8_t* const from = o.w + (row + r) * at.bytes;
        describeRtnRow<kBits>(o.rtn, at, from, scratch, r);
        rows.codes[r] = from + at.codes;
        rows.scale[r] = scratch.scale(r);
        rows.below[r] = scratch.below(r);
    }
    return rows;
}

// Four vectors share each code of two rows; those that are left go over four rows, which are in L1 by then.
template <int kBits>
void multiplyRtn(const RtnOperands& o, std::int64_t first, std::int64_t last, std::int64_t vectors) {
    thread_local RtnScratch scratch;
    scratch.fit(o.rtn, o.in);
    const std::int64_t fours = vectors / 4 * 4;
    std::int64_t row = first;
    for (; row + 4 <= last; row += 4) {
        const RtnRows<4> rows = describeRows<kBits, 4>(o, row, scratch);
        for (std::int64_t vector = 0; vector < fours; vector += 4)
            for (int r = 0; r < 4; r += 2)
                dotRtnRows<kBits, 2, 4>(o, rows.two(r), row + r, vector);
        for (std::int64_t vector = fours; vector < vectors; ++vector)
            dotRtnRows<kBits, 4, 1>(o, rows, row, vector);
    }
    for (; row < last; ++row) {
        const RtnRows<1> rows = describeRows<kBits, 1>(o, row, scratch);
        for (std::int64_t vector = 0; vector < vectors; ++vector)
            dotRtnRows<kBits, 1, 1>(o, rows, row, vector);
    }
}

void gemvRtnTarget(const RtnParams& rtn, const std::uint8_t* w, const float* x, const float* sums, float* y,
                   std::int64_t out, std::int64_t in, std::int64_t first, std::int64_t last, std::int64_t vectors) {
    const RtnOperands o{rtn, w, x, sums, y, in, out};
    switch (rtn.bits) {
    case 8: return multiplyRtn<8>(o, first, last, vectors);
    case 4: return multiplyRtn<4>(o, first, last, vectors);
    case 3: return multiplyRtn<3>(o, first, last, vectors);
    default: return multiplyRtn<2>(o, first, last, vectors);
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(gemvRtnTarget);
HWY_EXPORT(groupSumsTarget);

void gemv(const RtnParams& rtn, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors) {
    const RtnRow row = rtnRow(rtn, in);
    thread_local std::vector<float> sums;  // kept: a warm step allocates nothing
    sums.resize(static_cast<std::size_t>(vectors * row.groups));
    HWY_DYNAMIC_DISPATCH(groupSumsTarget)(x, in, rtn.group, vectors, sums.data());
    const float* const ofX = sums.data();
    const std::int64_t rows = std::max<std::int64_t>(1, 64 * 1024 / row.bytes / 4) * 4;
    forEachTask((out + rows - 1) / rows, out * row.bytes, [&](std::int64_t task) {
        HWY_DYNAMIC_DISPATCH(gemvRtnTarget)
        (rtn, static_cast<const std::uint8_t*>(w), x, ofX, y, out, in, task * rows, std::min(out, (task + 1) * rows),
         vectors);
    });
}

}  // namespace fovea::cpu
#endif
