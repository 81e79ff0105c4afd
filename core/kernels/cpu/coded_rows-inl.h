// Products with rows that are held as codes (core/cache/row_form.h), tile by tile: no row is ever decoded. A value is
// x̂ = s·(q − z), so a tile's scales and zeros are widened once, and
//
//   query·key        Σ_c y_c·x̂_c = Σ_groups s·(Σ y_c·q_c − z·Σ y_c)     codes meet the query, s and z the sums
//   weighted values  Σ_i p_i·x̂_i = Σ_i (p_i·s_i)·q_i − Σ_i p_i·s_i·z_i   s is folded into the weights
//
// A step is a group, or 128 components of one that is wider: what one sum is formed over. Compiled once per instruction
// set.

#if defined(FOVEA_CORE_KERNELS_CPU_CODED_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_CODED_ROWS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_CODED_ROWS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_CODED_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <type_traits>

#include "core/kernels/cpu/coded_digits-inl.h"
#include "core/kernels/cpu/coded_tile-inl.h"
#include "core/kernels/cpu/codes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// What the k-th run of a unit has above code / kDivisor.
template <int kBits>
constexpr float plusOf(int run) {
    return Codes<kBits>::kPlus + (Codes<kBits>::kOddPlus && run % 2 == 1 ? 1.f : 0.f);
}

// Of each step of a pass's queries: Σ y, and Σ y times what codes in units have above themselves. (heads, steps)
struct QuerySums {
    float all[kPassHeads * kMostSteps], plus[kPassHeads * kMostSteps];
};

template <int kBits>
HWY_INLINE void sumQueries(const CodedShape& shape, int heads, const float* q, QuerySums& to) {
    for (int h = 0; h < heads; ++h, q += shape.dims) {
        float *const all = to.all + h * shape.steps, *const plus = to.plus + h * shape.steps;
        std::fill_n(all, shape.steps, 0.f);
        std::fill_n(plus, shape.steps, 0.f);
        for (int c = 0; c < shape.dims; ++c)
            all[c / shape.step] += q[c];
        forEachUnit(shape.dims, [&](std::int64_t at, auto lanes) {
            for (int i = 0; i < kRunsPerUnit * lanes(); ++i)
                plus[(at + i) / shape.step] += q[at + i] * plusOf<kBits>(i / lanes());
        });
    }
}

// A pass's queries as rows of codes meet them. Where one pass takes all heads they are made ready once for all tiles.
struct PassQueries {
    QuerySums sums;
    QueryDigits digits;
    bool ready = false;
};

// Where the sums of a unit go: from its first step on, and from the first of the rows in work.
struct StepSums {
    float* work;
    const float* plus;  // (heads, steps)
    int steps, tile, runs;  // runs of a step in this unit
    bool begun, again;  // the first step has a sum already; all have
};

// The sums of R rows of one head: four and four of them lie side by side in memory.
template <int R, class D>
HWY_INLINE void putSums(D d, const hn::Vec<D>* sum, float* to, std::int64_t apart, bool add) {
    for (int i = 0; i < R; i += 4) {
        float* const at = to + i / 4 * apart;
        HWY_ALIGN float four[4];
        storeSums(d, sum + i, four);
        for (int j = 0; j < 4; ++j)
            at[j] = add ? at[j] + four[j] : four[j];
    }
}

// Runs kRun … of a unit of R rows, met by Q queries (Q, dims) from the unit's first component on.
template <int kBits, int kLanes, int Q, int R, int kRun, class D>
HWY_INLINE void dotRuns(D d, const typename Codes<kBits>::template Words<D> (&words)[R], const float* q, int dims,
                        const StepSums& to, std::int64_t apart, hn::Vec<D> (&sum)[Q][R]) {
    const int step = kRun / to.runs;
    if (kRun % to.runs == 0)  // sums begin without what their codes have above themselves
        for (int h = 0; h < Q; ++h) {
            const bool fresh = !to.again && (kRun > 0 || !to.begun);
            const float plus = fresh ? to.plus[h * to.steps + step] : 0;
            for (int i = 0; i < R; ++i)
                sum[h][i] = hn::Set(d, -plus / static_cast<float>(hn::Lanes(d)));
        }
    hn::Vec<D> query[Q];
    for (int h = 0; h < Q; ++h)
        query[h] = hn::LoadU(d, q + std::int64_t{h} * dims + kRun * kLanes);
    for (int i = 0; i < R; ++i) {
        const auto value = Codes<kBits>::template value<kRun>(d, words[i]);
        for (int h = 0; h < Q; ++h)
            sum[h][i] = hn::MulAdd(value, query[h], sum[h][i]);
    }
    if ((kRun + 1) % to.runs == 0)
        for (int h = 0; h < Q; ++h)
            putSums<R>(d, sum[h], to.work + std::int64_t{h * to.steps + step} * to.tile, apart,
                       to.again || (kRun < to.runs && to.begun));
    if constexpr (kRun + 1 < kRunsPerUnit)
        dotRuns<kBits, kLanes, Q, R, kRun + 1>(d, words, q, dims, to, apart, sum);
}

// tile.work (Q, steps, rows) = Σ y·q of each step, over kDivisor. Rows are taken from both halves where there is one
// query.
template <int kBits, int Q, class Rows>
HWY_INLINE void dotCodes(const CodedShape& shape, const Rows& rows, int count, const float* q, const QuerySums& sums,
                         CodedTile& tile) {
    constexpr int R = Q == 1 ? 8 : 4;
    const int upper = R == 8 ? halfOf(count) : 0;  // where the second four begin
    const auto dotBlock = [&](int first, std::int64_t apart) HWY_ATTR {
        const std::uint8_t* row[R];
        for (int i = 0; i < R; ++i)
            row[i] = rows.row(std::min<int>(first + i % 4 + i / 4 * static_cast<int>(apart), count - 1));
        for (int i = 0; i < R; i += 4) {
            const int at = std::min<int>(first + i / 4 * static_cast<int>(apart), count - 1);
            for (int j = 0; j < 4; ++j)
                for (std::int64_t byte = 0; byte < rows.bytes; byte += 64)
                    __builtin_prefetch(rows.ahead(at + j, count) + byte, 0, 3);
        }
        const std::int64_t whole = forEachUnit(shape.dims, [&](std::int64_t at, auto lanes) HWY_ATTR {
                using D = hn::CappedTag<float, lanes()>;
                const D d;
                const std::int64_t bytes = at * kBits / 8;
                const int s = static_cast<int>(at) / shape.step;
                StepSums to{tile.work + std::int64_t{s} * shape.tile + first, sums.plus + s, shape.steps, shape.tile,
                            std::min(kRunsPerUnit, shape.step / lanes()), at % shape.step != 0, false};
                for (int lane = 0; lane < lanes(); lane += static_cast<int>(hn::Lanes(d))) {
                    typename Codes<kBits>::template Words<D> words[R];
                    for (int i = 0; i < R; ++i)
                        words[i] = Codes<kBits>::template load<lanes()>(d, row[i] + bytes, lane);
                    hn::Vec<D> sum[Q][R];
                    dotRuns<kBits, lanes(), Q, R, 0>(d, words, q + at + lane, shape.dims, to, apart, sum);
                    to.again = true;
                }
            });
        if (whole == shape.dims)
            return;
        const int s = static_cast<int>(whole) / shape.step;  // what is left is of one step
        for (int i = 0; i < R; ++i)
            for (int h = 0; h < Q; ++h) {
                float sum = 0;
                for (std::int64_t c = whole; c < shape.dims; ++c)
                    sum += q[h * shape.dims + c] * lastCode<kBits>(row[i] + whole * kBits / 8, c - whole);
                float& to = tile.work[(std::int64_t{h} * shape.steps + s) * shape.tile + first + i % 4 + i / 4 * apart];
                to = sum / Codes<kBits>::kDivisor + (whole % shape.step != 0 ? to : 0);
            }
    };
    int first = 0;
    if constexpr (R == 8)
        for (; first < upper; first += 4)
            dotBlock(first, upper);
    for (first += upper; first < count; first += R)
        dotBlock(first, 4);
}

// scores[h·stride + i] = y_h·x̂_i of a pass's queries, from the tile's sums of codes, over `divisor`.
inline HWY_ATTR void scaleScores(const CodedShape& shape, int heads, int count, const QuerySums& sums, float divisor,
                                 const CodedTile& tile, float* scores, std::int64_t stride) {
    const auto scaled = [&](auto d, int h, int i) HWY_ATTR {
        auto score = hn::Zero(d);
        for (int s = 0; s < shape.steps; ++s) {
            const int g = shape.groupOf(s) * shape.tile;
            const auto codes = hn::Mul(hn::LoadU(d, tile.work + std::int64_t{h * shape.steps + s} * shape.tile + i),
                                       hn::Set(d, divisor));
            const auto zero = hn::Mul(hn::LoadU(d, tile.zeros + g + i), hn::Set(d, sums.all[h * shape.steps + s]));
            score = hn::MulAdd(hn::LoadU(d, tile.scales + g + i), hn::Sub(codes, zero), score);
        }
        hn::StoreU(score, d, scores + h * stride + i);
    };
    const int lanes = static_cast<int>(hn::Lanes(Widest()));
    for (int h = 0; h < heads; ++h) {
        int i = 0;
        for (; i + lanes <= count; i += lanes)
            scaled(Widest(), h, i);
        for (; i < count; ++i)
            scaled(Single(), h, i);
    }
}

// scores[h·stride + i] = q_h·x̂_i for a tile's rows and all of its heads, q (heads, d) in order.
template <int kBits, class Rows>
HWY_INLINE void scoreCodes(const CodedShape& shape, const Rows& rows, int count, int heads, const float* q,
                           float* scores, std::int64_t stride, PassQueries& pass, CodedTile& tile) {
    rows.describe(count, shape, tile);
    forEachHeads(heads, [&](auto q4, auto, int h) HWY_ATTR {
        const float* const queries = q + std::int64_t{h} * shape.dims;
        if (!pass.ready) {
            if (shape.digits)
                prepareDigits<kBits>(shape, q4.value, queries, pass.digits, pass.sums.all);
            else
                sumQueries<kBits>(shape, q4.value, queries, pass.sums);
            pass.ready = q4.value == shape.heads;
        }
        if (shape.digits)
            dotDigits<kBits, q4.value>(shape, rows, count, pass.digits, tile);
        else
            dotCodes<kBits, q4.value>(shape, rows, count, queries, pass.sums, tile);
        scaleScores(shape, q4.value, count, pass.sums, shape.digits ? 1 : Codes<kBits>::kDivisor, tile,
                    scores + h * stride, stride);
    });
}

inline HWY_ATTR float sumOf(const float* from, int n) {
    const Widest d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    auto sum = hn::Zero(d);
    int i = 0;
    for (; i + lanes <= n; i += lanes)
        sum = hn::Add(sum, hn::LoadU(d, from + i));
    float rest = 0;
    for (; i < n; ++i)
        rest += from[i];
    return hn::GetLane(hn::SumOfLanes(d, sum)) + rest;
}

// Rows whose sum is kept in registers: few, so that what their codes have above themselves is small beside it.
constexpr int kSummedRows = 32;

// sum[h][j] += w_h·q of runs kRun … kEnd - 1 of one row; `weights` of its row, (heads, steps, tile), from the first step.
template <int kBits, int Q, int kFirst, int kEnd, int kRun, class D>
HWY_INLINE void addRuns(D d, const typename Codes<kBits>::template Words<D>& words, const float* weights,
                        const StepSums& of, hn::Vec<D> (&sum)[Q][kEnd - kFirst]) {
    const auto value = Codes<kBits>::template value<kRun>(d, words);
    for (int h = 0; h < Q; ++h)
        sum[h][kRun - kFirst] = hn::MulAdd(
            value, hn::Set(d, weights[std::int64_t{h * of.steps + kRun / of.runs} * of.tile]), sum[h][kRun - kFirst]);
    if constexpr (kRun + 1 < kEnd)
        addRuns<kBits, Q, kFirst, kEnd, kRun + 1>(d, words, weights, of, sum);
}

// o (Q, dims), from the unit's first component on, += Σ w·q over `n` rows from `first` on and, where `upper` is not 0, as
// many from first + upper on; runs kFirst to kEnd - 1 of the unit.
template <int kBits, int kLanes, int Q, int kFirst, int kEnd, class D, class Rows>
HWY_INLINE void addRunsOfRows(D d, const Rows& rows, std::int64_t offset, int lane, int first, int upper, int n,
                              const StepSums& of, float* o, int dims) {
    hn::Vec<D> sum[Q][kEnd - kFirst];
    for (int h = 0; h < Q; ++h)
        for (int run = kFirst; run < kEnd; ++run) {
            float plus = 0;
            if (plusOf<kBits>(run) != 0) {
                const float* const w = of.work + std::int64_t{h * of.steps + run / of.runs} * of.tile + first;
                plus = plusOf<kBits>(run) * (sumOf(w, n) + (upper > 0 ? sumOf(w + upper, n) : 0));
            }
            sum[h][run - kFirst] = hn::Set(d, -plus);
        }
    const auto add = [&](int i) HWY_ATTR {
        const auto words = Codes<kBits>::template load<kLanes>(d, rows.row(i) + offset, lane);
        addRuns<kBits, Q, kFirst, kEnd, kFirst>(d, words, of.work + i, of, sum);
    };
    for (int i = first; i < first + n; ++i) {
        add(i);
        if (upper > 0)
            add(i + upper);
    }
    for (int h = 0; h < Q; ++h)
        for (int run = kFirst; run < kEnd; ++run) {
            float* const to = o + std::int64_t{h} * dims + run * kLanes + lane;
            hn::StoreU(hn::Add(hn::LoadU(d, to), sum[h][run - kFirst]), d, to);
        }
}

// o (Q, d), in order, += Σ w·q for the weights times scales in tile.work (Q, steps, rows).
template <int kBits, int Q, class Rows>
HWY_INLINE void addCodes(const CodedShape& shape, const Rows& rows, int count, CodedTile& tile, float* o) {
    constexpr int kBlock = Q == 4 ? kRunsPerUnit / 2 : kRunsPerUnit;  // sums that registers hold
    const auto addBlock = [&](int first, int upper, int n) HWY_ATTR {
        for (int i = first; i < first + n; ++i)
            for (std::int64_t byte = 0; byte < rows.bytes; byte += 64) {
                __builtin_prefetch(rows.ahead(i, count) + byte, 0, 3);
                if (upper > 0)
                    __builtin_prefetch(rows.ahead(i + upper, count) + byte, 0, 3);
            }
        const std::int64_t whole = forEachUnit(shape.dims, [&](std::int64_t at, auto lanes) HWY_ATTR {
                using D = hn::CappedTag<float, lanes()>;
                const D d;
                const std::int64_t bytes = at * kBits / 8;
                const StepSums of{tile.work + at / shape.step * shape.tile, nullptr, shape.steps, shape.tile,
                                  std::min(kRunsPerUnit, shape.step / lanes()), false, false};
                for (int lane = 0; lane < lanes(); lane += static_cast<int>(hn::Lanes(d))) {
                    addRunsOfRows<kBits, lanes(), Q, 0, kBlock>(d, rows, bytes, lane, first, upper, n, of, o + at,
                                                                shape.dims);
                    if constexpr (kBlock < kRunsPerUnit)
                        addRunsOfRows<kBits, lanes(), Q, kBlock, kRunsPerUnit>(d, rows, bytes, lane, first, upper, n, of,
                                                                               o + at, shape.dims);
                }
            });
        const std::int64_t s = whole / shape.step;
        for (int i = first; whole < shape.dims && i < first + n + (upper > 0 ? n : 0); ++i) {
            const int at = i < first + n ? i : i - n + upper;
            for (int h = 0; h < Q; ++h)
                for (std::int64_t c = whole; c < shape.dims; ++c)
                    o[h * shape.dims + c] += tile.work[(h * shape.steps + s) * shape.tile + at] /
                                             Codes<kBits>::kDivisor *
                                             lastCode<kBits>(rows.row(at) + whole * kBits / 8, c - whole);
        }
    };
    const int upper = count / 2;
    for (int first = 0; first < upper; first += kSummedRows / 2)
        addBlock(first, upper, std::min(kSummedRows / 2, upper - first));
    if (count % 2 == 1)
        addBlock(count - 1, 0, 1);
}

// o (heads, d), in order, += Σ p[h·stride + i]·x̂_i for a tile's rows.
template <int kBits, class Rows>
HWY_INLINE void addCodedValues(const CodedShape& shape, const Rows& rows, int count, int heads, const float* p,
                               std::int64_t stride, float* o, CodedTile& tile) {
    rows.describe(count, shape, tile);
    const float divisor = shape.digits ? 1 : Codes<kBits>::kDivisor;
    const auto weigh = [&](auto d, const float* weights, float* to, int g, int i) HWY_ATTR {
        const auto scaled = hn::Mul(hn::LoadU(d, weights + i), hn::LoadU(d, tile.scales + g + i));
        hn::StoreU(hn::Mul(scaled, hn::Set(d, divisor)), d, to + i);
    };
    const int lanes = static_cast<int>(hn::Lanes(Widest()));
    forEachHeads(heads, [&](auto q4, auto, int h) HWY_ATTR {
        for (int n = 0; n < q4.value; ++n)
            for (int s = 0; s < shape.steps; ++s) {
                const int g = shape.groupOf(s) * shape.tile;
                float* const to = tile.work + std::int64_t{n * shape.steps + s} * shape.tile;
                int i = 0;
                for (; i + lanes <= count; i += lanes)
                    weigh(Widest(), p + (h + n) * stride, to, g, i);
                for (; i < count; ++i)
                    weigh(Single(), p + (h + n) * stride, to, g, i);
                const float zeros = dotOf(to, tile.zeros + g, count) / divisor;
                float* const sums = o + std::int64_t{h + n} * shape.dims + s * shape.step;
                for (int c = 0; c < shape.width(s); ++c)
                    sums[c] -= zeros;
            }
        if (shape.digits)
            addDigits<kBits, q4.value>(shape, rows, count, tile, o + std::int64_t{h} * shape.dims);
        else
            addCodes<kBits, q4.value>(shape, rows, count, tile, o + std::int64_t{h} * shape.dims);
    });
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
