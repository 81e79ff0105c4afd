// Packed rows and codes to floats, for whoever wants a matrix whole. Truth: unpackRtn and unpackCodes, bit for bit.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/widen_rtn.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/rtn_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

template <int kBits>
void widenRow(const RtnParams& rtn, const RtnRow& at, const std::uint8_t* row, float* to, std::int64_t columns,
              std::vector<float>& scratch) {
    const Widest d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    float *const scale = scratch.data(), *const zero = scale + at.groups;
    widenHalves(row, at.groups, scale);
    widenZeros<kBits>(rtn, row + at.zeros, at.groups, zero);
    widenCodes<kBits>(row + at.codes, columns, to);
    for (std::int64_t g = 0; g < at.groups; ++g) {
        const std::int64_t end = std::min<std::int64_t>(columns, (g + 1) * rtn.group);
        std::int64_t i = g * rtn.group;
        for (; i + lanes <= end; i += lanes)
            hn::StoreU(hn::Mul(hn::Sub(hn::LoadU(d, to + i), hn::Set(d, zero[g])), hn::Set(d, scale[g])), d, to + i);
        for (; i < end; ++i)
            to[i] = (to[i] - zero[g]) * scale[g];
    }
}

void widenRtnTarget(const RtnParams& rtn, const std::uint8_t* src, float* dst, std::int64_t rows,
                    std::int64_t columns) {
    const RtnRow at = rtnRow(rtn, columns);
    std::vector<float> scratch(static_cast<std::size_t>(2 * at.groups));
    ofBits(rtn.bits, [&](auto bits) HWY_ATTR {
        for (std::int64_t row = 0; row < rows; ++row)
            widenRow<bits()>(rtn, at, src + row * at.bytes, dst + row * columns, columns, scratch);
    });
}

void widenCodesTarget(int bits, const std::uint8_t* src, float* dst, std::int64_t rows, std::int64_t columns) {
    const std::int64_t bytes = codeBytes(bits, columns);
    ofBits(bits, [&](auto b) HWY_ATTR {
        for (std::int64_t row = 0; row < rows; ++row)
            widenCodes<b()>(src + row * bytes, columns, dst + row * columns);
    });
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(widenRtnTarget);
HWY_EXPORT(widenCodesTarget);

void widen(const RtnParams& rtn, const void* src, float* dst, std::int64_t rows, std::int64_t columns) {
    HWY_DYNAMIC_DISPATCH(widenRtnTarget)(rtn, static_cast<const std::uint8_t*>(src), dst, rows, columns);
}

void widenCodes(int bits, const void* src, float* dst, std::int64_t rows, std::int64_t columns) {
    HWY_DYNAMIC_DISPATCH(widenCodesTarget)(bits, static_cast<const std::uint8_t*>(src), dst, rows, columns);
}

}  // namespace fovea::cpu
#endif
