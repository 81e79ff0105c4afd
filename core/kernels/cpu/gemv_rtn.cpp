// y (n, out) = x (n, in) · Wᵀ, W (out, in) in packed rows (core/methods/quantise/rtn.h has the formula and the layout,
// rtn_pack.h the truth).
//   reads   every byte of W once for all vectors; x stays in L1 or L2
//   writes  n·out floats
//   work    in bytes where the machine can (rtn_digits-inl.h), else in fp32 (rtn_floats-inl.h)
// Rows are split over threads in runs of about 256 KiB.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv_rtn.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/rtn_digits-inl.h"
#include "core/kernels/cpu/rtn_floats-inl.h"
#include "core/kernels/cpu/rtn_vectors.h"
#include "core/kernels/cpu/tasks.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Groups within a step would need an instruction of their own each.
bool multipliesBytes(const RtnParams& rtn) {
    return machineMultipliesBytes() && rtn.group >= kWidestUnit;
}

void prepareRtnTarget(const RtnParams& rtn, RtnVectors& v) {
    v.groups = (v.in + rtn.group - 1) / rtn.group;
    v.sums.resize(static_cast<std::size_t>(v.vectors * v.groups));
    v.digits = multipliesBytes(rtn) ? 3 : 0;
    v.steps = v.digits > 0 ? v.in / kWidestUnit : 0;
#if HWY_TARGET == HWY_AVX3
    if (v.digits > 0) {
        v.bytes.resize(static_cast<std::size_t>(v.vectors * v.steps * v.digits * kWidestUnit));
        v.scales.resize(static_cast<std::size_t>(v.vectors * v.steps));
        return ofBits(rtn.bits, [&](auto bits) { prepareDigits<bits(), 3>(rtn, v); });
    }
#endif
    for (std::int64_t i = 0; i < v.vectors; ++i)
        for (std::int64_t g = 0; g < v.groups; ++g)
            v.sums[static_cast<std::size_t>(i * v.groups + g)] = plainSum(
                v.vector(i) + g * rtn.group, std::min<std::int64_t>(rtn.group, v.in - g * rtn.group));
}

void gemvRtnTarget(const RtnParams& rtn, const std::uint8_t* w, const RtnVectors& v, float* y,
                   std::int64_t out, std::int64_t first, std::int64_t last) {
#if HWY_TARGET == HWY_AVX3
    if (v.digits > 0)
        return ofBits(rtn.bits,
                        [&](auto bits) { multiplyDigits<bits(), 3>(rtn, v, w, y, out, first, last); });
#endif
    ofBits(rtn.bits, [&](auto bits) { multiplyRtn<bits()>({rtn, v, w, y, out}, first, last); });
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(prepareRtnTarget);
HWY_EXPORT(gemvRtnTarget);

void gemv(const RtnParams& rtn, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors) {
    thread_local RtnVectors v; // kept: a warm step allocates nothing
    v.x = x;
    v.in = in;
    v.vectors = vectors;
    HWY_DYNAMIC_DISPATCH(prepareRtnTarget)(rtn, v);
    const RtnVectors& prepared = v; // of this thread, for all
    const std::int64_t rowBytes = rtnRow(rtn, in).bytes, rows = rowsPerTask(out, rowBytes);
    forEachTask((out + rows - 1) / rows, out * rowBytes, [&](std::int64_t task) {
        HWY_DYNAMIC_DISPATCH(gemvRtnTarget)
        (rtn, static_cast<const std::uint8_t*>(w), prepared, y, out, task * rows,
         std::min(out, (task + 1) * rows));
    });
}

} // namespace fovea::cpu
#endif
