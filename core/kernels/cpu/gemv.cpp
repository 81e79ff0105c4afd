// y (out) = W (out, in) · x (in).
//   reads   out·in elements of W once; x stays in L1 or L2
//   writes  out floats
//   work    2·out·in flops: memory-bound
// Rows are split over threads in runs of about 64 KiB. Four rows at a time share each load of x.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/loader-inl.h"
#include "core/kernels/cpu/tasks.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

template <class Loader, int R>
HWY_INLINE void dotRows(const typename Loader::Element* w, const float* x, float* y, std::int64_t in) {
    const Widest d;
    const Single one;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    const std::int64_t whole = in / lanes * lanes, pairs = in / (2 * lanes) * (2 * lanes);
    hn::Vec<Widest> even[R], odd[R];
    for (int i = 0; i < R; ++i)
        even[i] = odd[i] = hn::Zero(d);
    std::int64_t c = 0;
    for (; c < pairs; c += 2 * lanes) {
        const auto x0 = hn::LoadU(d, x + c), x1 = hn::LoadU(d, x + c + lanes);
        for (int i = 0; i < R; ++i) {
            even[i] = hn::MulAdd(Loader::load(d, w + i * in + c), x0, even[i]);
            odd[i] = hn::MulAdd(Loader::load(d, w + i * in + c + lanes), x1, odd[i]);
        }
    }
    for (; c < whole; c += lanes)
        for (int i = 0; i < R; ++i)
            even[i] = hn::MulAdd(Loader::load(d, w + i * in + c), hn::LoadU(d, x + c), even[i]);
    for (int i = 0; i < R; ++i) {
        float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[i], odd[i])));
        for (std::int64_t tail = whole; tail < in; ++tail)
            sum += hn::GetLane(Loader::load(one, w + i * in + tail)) * x[tail];
        y[i] = sum;
    }
}

template <class Loader>
HWY_INLINE void multiplyRows(const void* weights, const float* x, float* y, std::int64_t first, std::int64_t last,
                             std::int64_t in) {
    const auto* const w = static_cast<const typename Loader::Element*>(weights);
    std::int64_t row = first;
    for (; row + 4 <= last; row += 4)
        dotRows<Loader, 4>(w + row * in, x, y + row, in);
    for (; row < last; ++row)
        dotRows<Loader, 1>(w + row * in, x, y + row, in);
}

void gemvTarget(ElementType type, const void* w, const float* x, float* y, std::int64_t first, std::int64_t last,
                std::int64_t in) {
    switch (type) {
    case ElementType::F32: return multiplyRows<F32Loader>(w, x, y, first, last, in);
    case ElementType::F16: return multiplyRows<F16Loader>(w, x, y, first, last, in);
    case ElementType::BF16: return multiplyRows<BF16Loader>(w, x, y, first, last, in);
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(gemvTarget);

void gemv(ElementType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in) {
    const std::int64_t rowBytes = std::max<std::int64_t>(1, in * elementBytes(type));
    const std::int64_t rows = std::max<std::int64_t>(1, 64 * 1024 / rowBytes / 4) * 4;
    forEachTask((out + rows - 1) / rows, out * rowBytes, [&](std::int64_t task) {
        HWY_DYNAMIC_DISPATCH(gemvTarget)
        (type, w, x, y, task * rows, std::min(out, (task + 1) * rows), in);
    });
}

}  // namespace fovea::cpu
#endif
