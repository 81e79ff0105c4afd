// Exact attention of g query heads over a run of rows, tile by tile: scores of the tile, one exponential per
// score, then the weighted values. attend_all walks the blocks with it, attend_list the chosen slots; they
// differ in how row i is found. Compiled once per instruction set.

#if defined(FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_ATTEND_INL_H_
#endif

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstdint>

#include "core/kernels/cpu/loader-inl.h"
#include "core/kernels/cpu/softmax_state.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Scores of a tile stay in L1: at most 4096 of them, so fewer rows per tile the larger the group. A group of
// more than 64 heads goes over the tile in parts, while its rows are in L2.
constexpr int kTileScores = 4096;
constexpr int kTileRows = 256;
constexpr int kTileHeads = 64;
constexpr int tileRows(int group) {
    return group <= 16 ? kTileRows : kTileScores / (group < kTileHeads ? group : kTileHeads) / 16 * 16;
}
static_assert(HWY_MAX_BYTES <= 64, "a tile's rows are padded to 16 lanes");

// scores[h][i] = q[h] · row i for Q query heads and R rows from `first` on; each row is loaded once.
template <class Loader, int Q, int R, class D, class Rows>
HWY_INLINE void dotBlock(D d, const Rows& rows, int first, int dims, const float* q, float* scores, int stride) {
    const int lanes = static_cast<int>(hn::Lanes(d));
    const typename Loader::Element* row[R];
    hn::Vec<D> sum[R][Q];
    for (int i = 0; i < R; ++i) {
        row[i] = rows.at(first + i);
        for (int h = 0; h < Q; ++h)
            sum[i][h] = hn::Zero(d);
    }
    for (int c = 0; c < dims; c += lanes) {
        hn::Vec<D> k[R];
        for (int i = 0; i < R; ++i)
            k[i] = Loader::load(d, row[i] + c);
        for (int h = 0; h < Q; ++h) {
            const auto query = hn::LoadU(d, q + h * dims + c);
            for (int i = 0; i < R; ++i)
                sum[i][h] = hn::MulAdd(k[i], query, sum[i][h]);
        }
    }
    for (int h = 0; h < Q; ++h)
        for (int i = 0; i < R; ++i)
            scores[h * stride + first + i] = hn::GetLane(hn::SumOfLanes(d, sum[i][h]));
}

template <class Loader, int Q, class D, class Rows>
HWY_INLINE void dotRows(D d, const Rows& rows, int count, int dims, const float* q, float* scores, int stride) {
    constexpr int kRows = 4;
    int i = 0;
    for (; i + kRows <= count; i += kRows) {
        rows.prefetch(i + kRows, kRows);
        dotBlock<Loader, Q, kRows>(d, rows, i, dims, q, scores, stride);
    }
    for (; i < count; ++i)
        dotBlock<Loader, Q, 1>(d, rows, i, dims, q, scores, stride);
}

// o[h] += Σ p[h][i]·row i for Q query heads and R rows from `first` on; each row is loaded once.
template <class Loader, int Q, int R, class D, class Rows>
HWY_INLINE void addBlock(D d, const Rows& rows, int first, int dims, const float* p, int stride, float* o) {
    const int lanes = static_cast<int>(hn::Lanes(d));
    const typename Loader::Element* row[R];
    hn::Vec<D> weight[R][Q];
    for (int i = 0; i < R; ++i) {
        row[i] = rows.at(first + i);
        for (int h = 0; h < Q; ++h)
            weight[i][h] = hn::Set(d, p[h * stride + first + i]);
    }
    for (int c = 0; c < dims; c += lanes) {
        hn::Vec<D> v[R];
        for (int i = 0; i < R; ++i)
            v[i] = Loader::load(d, row[i] + c);
        for (int h = 0; h < Q; ++h) {
            auto sum = hn::LoadU(d, o + h * dims + c);
            for (int i = 0; i < R; ++i)
                sum = hn::MulAdd(v[i], weight[i][h], sum);
            hn::StoreU(sum, d, o + h * dims + c);
        }
    }
}

template <class Loader, int Q, class D, class Rows>
HWY_INLINE void addRows(D d, const Rows& rows, int count, int dims, const float* p, int stride, float* o) {
    constexpr int kRows = 4;
    int i = 0;
    for (; i + kRows <= count; i += kRows) {
        rows.prefetch(i + kRows, kRows);
        addBlock<Loader, Q, kRows>(d, rows, i, dims, p, stride, o);
    }
    for (; i < count; ++i)
        addBlock<Loader, Q, 1>(d, rows, i, dims, p, stride, o);
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
        tops = hn::Max(tops, hn::LoadU(d, scores + i));
    const float top = hn::GetLane(hn::MaxOfLanes(d, tops));
    if (top == kNoLogit) {
        std::fill_n(scores, count, 0.f);
        return;
    }
    const auto shift = hn::Set(d, top);
    auto sums = hn::Zero(d);
    for (int i = 0; i < padded; i += lanes) {
        const auto p = hn::Exp(d, hn::Sub(hn::LoadU(d, scores + i), shift));
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
                                int dims, const float* q, const SoftmaxState& state) {
    HWY_ALIGN float scores[kTileScores];
    int h = 0;
    for (; h + 4 <= heads; h += 4)
        dotRows<Loader, 4>(d, keys, count, dims, q + h * dims, scores + h * stride, stride);
    for (; h + 2 <= heads; h += 2)
        dotRows<Loader, 2>(d, keys, count, dims, q + h * dims, scores + h * stride, stride);
    for (; h < heads; ++h)
        dotRows<Loader, 1>(d, keys, count, dims, q + h * dims, scores + h * stride, stride);
    for (h = 0; h < heads; ++h)
        expTile(scores + h * stride, count, state.m[h], state.l[h], state.o + h * dims, dims);
    for (h = 0; h + 4 <= heads; h += 4)
        addRows<Loader, 4>(d, values, count, dims, scores + h * stride, stride, state.o + h * dims);
    for (; h + 2 <= heads; h += 2)
        addRows<Loader, 2>(d, values, count, dims, scores + h * stride, stride, state.o + h * dims);
    for (; h < heads; ++h)
        addRows<Loader, 1>(d, values, count, dims, scores + h * stride, stride, state.o + h * dims);
}

// The three steps for one tile of at most tileRows(group) rows. q (g, d) is already divided by √d.
template <class Loader, class D, class Rows>
HWY_INLINE void attendTile(D d, const Rows& keys, const Rows& values, int count, int group, int dims,
                           const float* q, const SoftmaxState& state) {
    for (int first = 0; first < group; first += kTileHeads)
        attendTileHeads<Loader>(d, keys, values, count, std::min(kTileHeads, group - first), tileRows(group),
                                dims, q + first * dims,
                                {state.o + first * dims, state.m + first, state.l + first});
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
