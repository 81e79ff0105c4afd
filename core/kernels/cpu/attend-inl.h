// Exact attention of g query heads over a run of rows, tile by tile: scores of the tile, one exponential per
// score, then the weighted values. attend_all walks the blocks with it, attend_list the chosen slots; they
// differ in how row i is found. Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "core/kernels/cpu/head_passes-inl.h"
#include "core/kernels/cpu/loader-inl.h"
#include "core/kernels/cpu/mass-inl.h"
#include "core/kernels/cpu/soft_cap-inl.h"
#include "core/kernels/cpu/softmax_state.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Scores of a tile stay in L1: at most 4096 of them, so fewer rows per tile the larger the group. A group of
// more than 64 heads goes over the tile in parts, while its rows are in L2.
constexpr int kTileScores = 4096;
constexpr int kTileRows = 2048;
constexpr int kTileHeads = 64;
constexpr int tileRows(int group) {
    return group <= kTileScores / kTileRows ? kTileRows
                                            : kTileScores / (group < kTileHeads ? group : kTileHeads) / 16 * 16;
}
static_assert(HWY_MAX_BYTES <= 64, "a tile's rows are padded to 16 lanes");

template <class D>
HWY_INLINE void storeSumsOneByOne(D d, const hn::Vec<D>* v, float* to) {
    for (int i = 0; i < 4; ++i)
        to[i] = hn::GetLane(hn::SumOfLanes(d, v[i]));
}

// to[i] = Σ over the lanes of v[i].
#if HWY_TARGET == HWY_SCALAR
template <class D>
HWY_INLINE void storeSums(D d, const hn::Vec<D>* v, float* to) {
    storeSumsOneByOne(d, v, to);
}
#else
// Adds up v's blocks of four lanes.
template <class D>
HWY_INLINE auto addBlocks(D d, hn::Vec<D> v) {
    if constexpr (hn::MaxLanes(D()) > 4) {
        const hn::Half<D> half;
        return addBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
    } else {
        (void)d;
        return v;
    }
}

// Of four vectors, block b of the result: the sums of the blocks b of each.
template <class D>
HWY_INLINE hn::Vec<D> sumsOfBlocks(D d, const hn::Vec<D>* v) {
    const hn::Repartition<double, D> wide;
    const auto ab = hn::Add(hn::InterleaveLower(d, v[0], v[1]), hn::InterleaveUpper(d, v[0], v[1]));
    const auto cd = hn::Add(hn::InterleaveLower(d, v[2], v[3]), hn::InterleaveUpper(d, v[2], v[3]));
    const auto low = hn::InterleaveLower(wide, hn::BitCast(wide, ab), hn::BitCast(wide, cd));
    const auto high = hn::InterleaveUpper(wide, hn::BitCast(wide, ab), hn::BitCast(wide, cd));
    return hn::Add(hn::BitCast(d, low), hn::BitCast(d, high));
}

// The four vectors are transposed while they are added up.
template <class D>
HWY_INLINE void storeSums(D d, const hn::Vec<D>* v, float* to) {
    if constexpr (hn::MaxLanes(D()) >= 4)
        hn::StoreU(addBlocks(d, sumsOfBlocks(d, v)), hn::CappedTag<float, 4>(), to);
    else
        storeSumsOneByOne(d, v, to);
}
#endif

// Asks for the cache line of element c from `ahead` on, which will be read later; once per line while c goes up by
// `Step` elements. Spread over the work like this, the requests do not get in each other's way.
template <int Step, class Element>
HWY_INLINE void prefetchLine(const Element* ahead, int c) {
    constexpr int kLine = 64 / static_cast<int>(sizeof(Element));
    if (Step >= kLine || c % kLine == 0)
        __builtin_prefetch(ahead + c, 0, 3);
}

// Rows of a block. With one query head there are registers for more of them, and o is loaded and stored less often.
template <int Q>
constexpr int kBlockRows = Q == 1 ? 8 : 4;

// scores[h][i] = q[h] · row i for Q query heads and R rows from `first` on; each row is loaded once. As many rows as
// `Rows` says are read side by side: the order in which memory is asked is the order in which it answers best.
template <class Loader, int Q, int R, bool First, class D, class Rows>
HWY_INLINE void dotBlock(D d, const Rows& rows, int first, int dims, const float* q, float* scores, int stride) {
    constexpr int kVectors = Loader::kVectors, kAbreast = std::min(R, Rows::template kAbreast<Q>);
    constexpr int kStep = kVectors * static_cast<int>(hn::MaxLanes(D()));
    const int lanes = static_cast<int>(hn::Lanes(d));
    const typename Loader::Element* row[R];
    rows.template find<R>(first, row);
    hn::Vec<D> sums[Q][R];
    for (int i = 0; i < R; i += kAbreast) {
        [[maybe_unused]] const auto ahead = rows.template ahead<kAbreast, First>(first + i);
        hn::Vec<D> sum[Q][kAbreast];
        for (int j = 0; j < kAbreast; ++j)
            for (int h = 0; h < Q; ++h)
                sum[h][j] = hn::Zero(d);
        for (int c = 0; c < dims; c += kVectors * lanes) {
            hn::Vec<D> k[kAbreast][kVectors];
            for (int j = 0; j < kAbreast; ++j) {
                if constexpr (First)
                    ahead.template ask<kStep>(c, j);
                Loader::loadRun(d, row[i + j] + c, k[j]);
            }
            for (int h = 0; h < Q; ++h)
                for (int v = 0; v < kVectors; ++v) {
                    const auto query = hn::LoadU(d, q + h * dims + c + v * lanes);
                    for (int j = 0; j < kAbreast; ++j)
                        sum[h][j] = hn::MulAdd(k[j][v], query, sum[h][j]);
                }
        }
        for (int h = 0; h < Q; ++h)
            for (int j = 0; j < kAbreast; ++j)
                sums[h][i + j] = sum[h][j];
    }
    for (int h = 0; h < Q; ++h)
        if constexpr (R % 4 == 0)
            for (int i = 0; i < R; i += 4)
                storeSums(d, sums[h] + i, scores + h * stride + first + i);
        else
            scores[h * stride + first] = hn::GetLane(hn::SumOfLanes(d, sums[h][0]));
}

// The width of most heads. Where registers hold 16 floats, q and o of one such head stay in eight of them over a tile,
// where two rows abreast would load q, and load and store o, once per two rows.
constexpr int kCommonDims = 128;
template <class D>
constexpr bool kCommonInRegisters = hn::MaxLanes(D()) >= 16;
template <class D>
using CommonHead = hn::Vec<D>[kCommonDims / static_cast<int>(hn::MaxLanes(D()))];

// visit(i, at, run) for the runs of a block of rows from `first` on: run of row i is vectors `at` … of the head.
template <class Loader, bool First, class D, class Rows, class Visit>
HWY_INLINE void forEachRun(D d, const Rows& rows, int first, const Visit& visit) {
    constexpr int kVectors = Loader::kVectors, kLanes = static_cast<int>(hn::MaxLanes(D()));
    constexpr int kStep = kVectors * kLanes, kRows = kBlockRows<1>;
    constexpr int kAbreast = std::min(kRows, Rows::template kAbreast<1>);
    const typename Loader::Element* row[kRows];
    rows.template find<kRows>(first, row);
    for (int i = 0; i < kRows; i += kAbreast) {
        [[maybe_unused]] const auto ahead = rows.template ahead<kAbreast, First>(first + i);
        for (int c = 0; c < kCommonDims; c += kStep)
            for (int j = 0; j < kAbreast; ++j) {
                if constexpr (First)
                    ahead.template ask<kStep>(c, j);
                hn::Vec<D> run[kVectors];
                Loader::loadRun(d, row[i + j] + c, run);
                visit(i + j, c / kLanes, run);
            }
    }
}

// dotBlock for one query head of kCommonDims, over whole blocks. How many rows these have.
template <class Loader, bool First, class D, class Rows>
HWY_INLINE int dotCommon(D d, const Rows& rows, int count, const float* q, float* scores) {
    CommonHead<D> query;
    for (int v = 0; v < std::ssize(query); ++v)
        query[v] = hn::LoadU(d, q + v * static_cast<int>(hn::MaxLanes(D())));
    int first = 0;
    for (; first + kBlockRows<1> <= count; first += kBlockRows<1>) {
        hn::Vec<D> sum[kBlockRows<1>];
        for (auto& of : sum)
            of = hn::Zero(d);
        forEachRun<Loader, First>(d, rows, first, [&](int i, int at, const auto& key) HWY_ATTR {
            for (int v = 0; v < Loader::kVectors; ++v)
                sum[i] = hn::MulAdd(key[v], query[at + v], sum[i]);
        });
        for (int i = 0; i < kBlockRows<1>; i += 4)
            storeSums(d, sum + i, scores + first + i);
    }
    return first;
}

template <class Loader, int Q, bool First, class D, class Rows>
HWY_INLINE void dotRows(D d, const Rows& rows, int count, int dims, const float* q, float* scores, int stride) {
    constexpr int kRows = kBlockRows<Q>;
    int i = 0;
    if constexpr (Q == 1 && kCommonInRegisters<D>)
        if (dims == kCommonDims)
            i = dotCommon<Loader, First>(d, rows, count, q, scores);
    for (; i + kRows <= count; i += kRows)
        dotBlock<Loader, Q, kRows, First>(d, rows, i, dims, q, scores, stride);
    for (; i < count; ++i)
        dotBlock<Loader, Q, 1, First>(d, rows, i, dims, q, scores, stride);
}

// o[h] += Σ p[h][i]·row i for Q query heads and R rows from `first` on; each row is loaded once.
template <class Loader, int Q, int R, bool First, class D, class Rows>
HWY_INLINE void addBlock(D d, const Rows& rows, int first, int dims, const float* p, int stride, float* o) {
    constexpr int kVectors = Loader::kVectors, kAbreast = std::min(R, Rows::template kAbreast<Q>);
    constexpr int kStep = kVectors * static_cast<int>(hn::MaxLanes(D()));
    const int lanes = static_cast<int>(hn::Lanes(d));
    const typename Loader::Element* row[R];
    rows.template find<R>(first, row);
    for (int i = 0; i < R; i += kAbreast) {
        [[maybe_unused]] const auto ahead = rows.template ahead<kAbreast, First>(first + i);
        hn::Vec<D> weight[Q][kAbreast];
        for (int j = 0; j < kAbreast; ++j)
            for (int h = 0; h < Q; ++h)
                weight[h][j] = hn::Set(d, p[h * stride + first + i + j]);
        for (int c = 0; c < dims; c += kVectors * lanes) {
            hn::Vec<D> value[kAbreast][kVectors];
            for (int j = 0; j < kAbreast; ++j) {
                if constexpr (First)
                    ahead.template ask<kStep>(c, j);
                Loader::loadRun(d, row[i + j] + c, value[j]);
            }
            for (int h = 0; h < Q; ++h)
                for (int v = 0; v < kVectors; ++v) {
                    float* const to = o + h * dims + c + v * lanes;
                    auto sum = hn::LoadU(d, to);
                    for (int j = 0; j < kAbreast; ++j)
                        sum = hn::MulAdd(value[j][v], weight[h][j], sum);
                    hn::StoreU(sum, d, to);
                }
        }
    }
}

// addBlock for one query head of kCommonDims, over whole blocks. How many rows these have.
template <class Loader, bool First, class D, class Rows>
HWY_INLINE int addCommon(D d, const Rows& rows, int count, const float* p, float* o) {
    constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
    CommonHead<D> sum;
    for (int v = 0; v < std::ssize(sum); ++v)
        sum[v] = hn::LoadU(d, o + v * kLanes);
    int first = 0;
    for (; first + kBlockRows<1> <= count; first += kBlockRows<1>)
        forEachRun<Loader, First>(d, rows, first, [&](int i, int at, const auto& value) HWY_ATTR {
            const auto weight = hn::Set(d, p[first + i]);
            for (int v = 0; v < Loader::kVectors; ++v)
                sum[at + v] = hn::MulAdd(value[v], weight, sum[at + v]);
        });
    for (int v = 0; v < std::ssize(sum); ++v)
        hn::StoreU(sum[v], d, o + v * kLanes);
    return first;
}

template <class Loader, int Q, bool First, class D, class Rows>
HWY_INLINE void addRows(D d, const Rows& rows, int count, int dims, const float* p, int stride, float* o) {
    constexpr int kRows = kBlockRows<Q>;
    int i = 0;
    if constexpr (Q == 1 && kCommonInRegisters<D>)
        if (dims == kCommonDims)
            i = addCommon<Loader, First>(d, rows, count, p, o);
    for (; i + kRows <= count; i += kRows)
        addBlock<Loader, Q, kRows, First>(d, rows, i, dims, p, stride, o);
    for (; i < count; ++i)
        addBlock<Loader, Q, 1, First>(d, rows, i, dims, p, stride, o);
}

// scores -> exp(scores - max) in place, (m, l) and o brought up to date: o is scaled where the maximum moved.
// `scores` is written up to the next multiple of 16.
inline HWY_ATTR void expTile(float* scores, int count, float& m, float& l, float* o, int dims) {
    const hn::ScalableTag<float> d;
    const int lanes = static_cast<int>(hn::Lanes(d));
    const int padded = (count + lanes - 1) / lanes * lanes;
    for (int i = count; i < padded; ++i)
        scores[i] = kNoLogit;
    auto tops = hn::Set(d, m);
    for (int i = 0; i < padded; i += lanes)
        tops = greaterLogit<decltype(d)>(hn::LoadU(d, scores + i), tops);
    const float top = hn::GetLane(hn::MaxOfLanes(d, tops));
    if (top == kNoLogit) {
        const float none = massOfNone(scores, count);
        std::fill_n(scores, count, none);
        l += none;
        return;
    }
    const auto shift = hn::Set(d, top);
    auto sums = hn::Zero(d);
    for (int i = 0; i < padded; i += lanes) {
        const auto p = exponential(d, hn::Sub(hn::LoadU(d, scores + i), shift));
        hn::StoreU(p, d, scores + i);
        sums = hn::Add(sums, p);
    }
    const float scale = rescale(m, top);
    l = l * scale + hn::GetLane(hn::SumOfLanes(d, sums));
    m = top;
    if (scale != 1.f)
        for (int i = 0; i < dims; ++i)
            o[i] *= scale;
}

template <class Loader, class D, class Rows>
HWY_INLINE void attendTileHeads(D d, const Rows& keys, const Rows& values, int count, int heads, int stride,
                                int dims, const float* q, const SoftmaxState& state, float softcap,
                                const LogitSpill& spill) {
    HWY_ALIGN float scores[kTileScores];
    forEachHeads(heads, [&](auto q4, auto first, int h) HWY_ATTR {
        dotRows<Loader, q4.value, first.value>(d, keys, count, dims, q + h * dims, scores + h * stride, stride);
    });
    for (int h = 0; h < heads; ++h)
        capLogits(scores + h * stride, count, softcap);
    if (spill.to)
        for (int h = 0; h < heads; ++h)
            keys.inOrder(scores + h * stride, spill.ofHead(h).to);
    for (int h = 0; h < heads; ++h)
        expTile(scores + h * stride, count, state.m[h], state.l[h], state.o + h * dims, dims);
    forEachHeads(heads, [&](auto q4, auto first, int h) HWY_ATTR {
        addRows<Loader, q4.value, first.value>(d, values, count, dims, scores + h * stride, stride,
                                               state.o + h * dims);
    });
}

// The three steps for one tile of at most tileRows(group) rows. q (g, d) is already scaled; `softcap` 0:
// none. The logits of the tile's rows go to `spill`, in order.
template <class Loader, class D, class Rows>
HWY_INLINE void attendTile(D d, const Rows& keys, const Rows& values, int count, int group, int dims,
                           const float* q, const SoftmaxState& state, float softcap,
                           const LogitSpill& spill) {
    for (int first = 0; first < group; first += kTileHeads)
        attendTileHeads<Loader>(d, keys, values, count, std::min(kTileHeads, group - first), tileRows(group),
                                dims, q + first * dims,
                                {state.o + first * dims, state.m + first, state.l + first}, softcap,
                                spill.ofHead(first));
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
