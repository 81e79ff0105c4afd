// y (n, out) = x (n, in) · Wᵀ, W (out, in): n vectors, one per sequence that is decoded.
//   reads   out·in elements of W once for all vectors; x stays in L1 or L2
//   writes  n·out floats
//   work    2·n·out·in flops: memory-bound below n ≈ 4
// Rows come in runs of about 256 KiB (products.cpp), which stay in L2 while further vectors go over them. Two rows at
// a time share each load of x, one from each half of the run, so that memory is read in two long streams; and up to
// four vectors share each load of W. A vector's sums are formed in the same order whatever goes beside it.

#include "core/kernels/cpu/gemv_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/loader-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Rows and vectors, each one after the other.
struct Operands {
    const float* x;
    float* y;
    std::int64_t in, out;
};

// Bytes of each stream asked for ahead of those in work.
constexpr int kAhead = 3072;

// As many as two vectors have, of each of R rows `step` elements apart. They may lie past the end of memory, where asking
// does no harm.
template <class Loader, int R>
HWY_INLINE void askAhead(const typename Loader::Element* w, std::int64_t step) {
    constexpr int kLine = 64, kTurn = 2 * static_cast<int>(hn::MaxLanes(Widest()) * sizeof(*w));
    for (int i = 0; i < R; ++i)
        for (int at = 0; at < kTurn; at += kLine)
            __builtin_prefetch(reinterpret_cast<const char*>(w + i * step) + kAhead + at, 0, 3);
}

// y of rows row, row + apart, … (R of them), for N vectors from `vector` on.
template <class Loader, int R, int N>
HWY_INLINE void dotRows(const typename Loader::Element* w, const Operands& o, std::int64_t row, std::int64_t apart,
                        std::int64_t vector) {
    const Widest d;
    const Single one;
    const std::int64_t in = o.in;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t whole = in / lanes * lanes, pairs = in / (2 * lanes) * (2 * lanes);
    const float* const x = o.x + vector * in;
    w += row * in;
    const std::int64_t step = apart * in;
    hn::Vec<Widest> even[R][N], odd[R][N];
    for (int i = 0; i < R; ++i)
        for (int n = 0; n < N; ++n)
            even[i][n] = odd[i][n] = hn::Zero(d);
    const auto add = [&](hn::Vec<Widest>(&sum)[R][N], std::int64_t c) HWY_ATTR {
        hn::Vec<Widest> v[N];
        for (int n = 0; n < N; ++n)
            v[n] = hn::LoadU(d, x + n * in + c);
        for (int i = 0; i < R; ++i) {
            const auto weights = Loader::load(d, w + i * step + c);
            for (int n = 0; n < N; ++n)
                sum[i][n] = hn::MulAdd(weights, v[n], sum[i][n]);
        }
    };
    std::int64_t c = 0;
    for (; c < pairs; c += 2 * lanes) {
        if (vector == 0)
            askAhead<Loader, R>(w + c, step);
        add(even, c);
        add(odd, c + lanes);
    }
    for (; c < whole; c += lanes)
        add(even, c);
    for (int i = 0; i < R; ++i)
        for (int n = 0; n < N; ++n) {
            float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[i][n], odd[i][n])));
            for (std::int64_t tail = whole; tail < in; ++tail)
                sum += hn::GetLane(Loader::load(one, w + i * step + tail)) * x[n * in + tail];
            o.y[(vector + n) * o.out + row + i * apart] = sum;
        }
}

template <class Loader, int N>
HWY_INLINE void multiplyRows(const typename Loader::Element* w, const Operands& o, std::int64_t first,
                             std::int64_t last, std::int64_t vector) {
    const std::int64_t half = (last - first) / 2;
    for (std::int64_t row = first; row < first + half; ++row)
        dotRows<Loader, 2, N>(w, o, row, half, vector);
    if (first + 2 * half < last)
        dotRows<Loader, 1, N>(w, o, last - 1, 0, vector);
}

template <class Loader>
HWY_INLINE void multiplyVectors(const void* weights, const Operands& o, std::int64_t first, std::int64_t last,
                                std::int64_t vectors) {
    const auto* const w = static_cast<const typename Loader::Element*>(weights);
    std::int64_t vector = 0;
    for (; vector + 4 <= vectors; vector += 4)
        multiplyRows<Loader, 4>(w, o, first, last, vector);
    for (; vector + 2 <= vectors; vector += 2)
        multiplyRows<Loader, 2>(w, o, first, last, vector);
    if (vector < vectors)
        multiplyRows<Loader, 1>(w, o, first, last, vector);
}

void gemvTarget(ElementType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
                std::int64_t first, std::int64_t last, std::int64_t vectors) {
    const Operands o{x, y, in, out};
    switch (type) {
    case ElementType::F32: return multiplyVectors<F32Loader>(w, o, first, last, vectors);
    case ElementType::F16: return multiplyVectors<F16Loader>(w, o, first, last, vectors);
    case ElementType::BF16: return multiplyVectors<BF16Loader>(w, o, first, last, vectors);
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(gemvTarget);

void gemvRows(ElementType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
              std::int64_t first, std::int64_t last, std::int64_t vectors) {
    HWY_DYNAMIC_DISPATCH(gemvTarget)(type, w, x, y, out, in, first, last, vectors);
}

}  // namespace fovea::cpu
#endif
