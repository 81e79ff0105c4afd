// y (n, out) = x (n, in) · Wᵀ, W (out, in) in packed rows (core/methods/quantise/rtn.h has the formula and the layout,
// rtn_pack.h the truth).
//   reads   every byte of W once for all vectors; x stays in L1 or L2
//   writes  n·out floats
//   work    in bytes where the machine can (rtn_digits-inl.h), else in fp32 (rtn_floats-inl.h)
// Rows come in runs of about 256 KiB (products.cpp).

#include "core/kernels/cpu/gemv_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv_rtn.cpp"
#include <hwy/foreach_target.h> // IWYU pragma: keep

#include "core/kernels/cpu/digit_products-inl.h"
#include "core/kernels/cpu/rtn_floats-inl.h"
#include "core/kernels/cpu/rtn_vectors.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// Groups within a step would need an instruction of their own each.
bool multipliesBytes(const RtnParams& rtn) {
    return machineMultipliesBytes() && rtn.group >= kWidestUnit;
}

// Calls with(bits, digits), both integral constants.
template <class With>
void ofForm(int bits, int digits, const With& with) {
    ofBits(bits, [&](auto known) {
        switch (digits) {
        case 1: return with(known, std::integral_constant<int, 1>());
        case 2: return with(known, std::integral_constant<int, 2>());
        default: return with(known, std::integral_constant<int, 3>());
        }
    });
}

void prepareRtnTarget(const RtnParams& rtn, RtnVectors& v) {
    v.groups = (v.in + rtn.group - 1) / rtn.group;
    v.sums.resize(static_cast<std::size_t>(v.vectors * v.groups + kWidestUnit)); // read in whole vectors
    v.digits = !multipliesBytes(rtn) ? 0 : !v.rounded.whole ? 3 : v.rounded.wide ? 2 : 1;
    v.steps = v.digits > 0 ? v.in / kWidestUnit : 0;
#if HWY_TARGET == HWY_AVX3
    if (v.digits > 0) {
        v.bytes.resize(static_cast<std::size_t>(v.vectors * v.steps * v.digits * kWidestUnit));
        v.scales.resize(static_cast<std::size_t>(v.vectors * v.steps + kWidestUnit));
        return ofForm(rtn.bits, v.digits,
                      [&](auto bits, auto digits) { prepareDigits<bits(), digits()>(rtn, v); });
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
        return ofForm(rtn.bits, v.digits, [&](auto bits, auto digits) {
            multiplyDigits<bits(), digits()>(rtn, v, w, y, out, first, last);
        });
#endif
    ofBits(rtn.bits, [&](auto bits) { multiplyRtn<bits()>({rtn, v, w, y, out}, first, last); });
}

} // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(prepareRtnTarget);
HWY_EXPORT(gemvRtnTarget);

void prepareRtn(const RtnParams& rtn, RtnVectors& vectors) {
    HWY_DYNAMIC_DISPATCH(prepareRtnTarget)(rtn, vectors);
}

void gemvRtnRows(const RtnParams& rtn, const void* w, const RtnVectors& vectors, float* y, std::int64_t out,
                 std::int64_t first, std::int64_t last) {
    HWY_DYNAMIC_DISPATCH(gemvRtnTarget)
    (rtn, static_cast<const std::uint8_t*>(w), vectors, y, out, first, last);
}

} // namespace fovea::cpu
#endif
