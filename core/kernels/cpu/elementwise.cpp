// The small steps between the matrices: norm, rotation, activation, and the change of number type of a row.
// Each reads and writes its n elements once; all are far too short to be worth waking a thread.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include <c10/util/Half.h>
#include <hwy/contrib/math/math-inl.h>

#include <cmath>

#include "core/kernels/cpu/loader-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// step(tag, i) over [0, n): whole vectors, then one by one.
template <class Step>
HWY_INLINE void forEach(std::int64_t n, const Step& step) {
    const Widest wide;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(wide));
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes)
        step(wide, i);
    for (; i < n; ++i)
        step(Single(), i);
}

template <class Loader>
struct ScaleByGain {
    const typename Loader::Element* gain;
    const float* x;
    float* y;
    float scale;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto scaled = hn::Mul(hn::LoadU(d, x + i), hn::Set(d, scale));
        hn::StoreU(hn::Mul(scaled, Loader::load(d, gain + i)), d, y + i);
    }
};

template <class Loader>
HWY_INLINE void rmsNormAs(const void* gain, const float* x, float* y, std::int64_t n, float scale) {
    forEach(n, ScaleByGain<Loader>{static_cast<const typename Loader::Element*>(gain), x, y, scale});
}

void rmsNormTarget(ElementType type, const void* gain, const float* x, float* y, std::int64_t n, float epsilon) {
    const Widest d;
    const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
    auto squares = hn::Zero(d);
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const auto v = hn::LoadU(d, x + i);
        squares = hn::MulAdd(v, v, squares);
    }
    float sum = hn::GetLane(hn::SumOfLanes(d, squares));
    for (; i < n; ++i)
        sum += x[i] * x[i];
    const float scale = 1.f / std::sqrt(sum / static_cast<float>(n) + epsilon);
    switch (type) {
    case ElementType::F32: return rmsNormAs<F32Loader>(gain, x, y, n, scale);
    case ElementType::F16: return rmsNormAs<F16Loader>(gain, x, y, n, scale);
    case ElementType::BF16: return rmsNormAs<BF16Loader>(gain, x, y, n, scale);
    }
}

struct SiluTimesUp {
    float* gate;
    const float* up;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto g = hn::LoadU(d, gate + i);
        // Beyond e^88 the quotient is 0 anyway, and the exponential would leave the range of fp32.
        const auto e = hn::Exp(d, hn::Min(hn::Neg(g), hn::Set(d, 88.f)));
        const auto silu = hn::Div(g, hn::Add(hn::Set(d, 1.f), e));
        hn::StoreU(hn::Mul(silu, hn::LoadU(d, up + i)), d, gate + i);
    }
};

void swigluTarget(float* gate, const float* up, std::int64_t n) { forEach(n, SiluTimesUp{gate, up}); }

template <class Loader>
struct Widen {
    const typename Loader::Element* src;
    float* dst;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        hn::StoreU(Loader::load(d, src + i), d, dst + i);
    }
};

void widenTarget(ElementType type, const void* src, float* dst, std::int64_t n) {
    switch (type) {
    case ElementType::F32: return forEach(n, Widen<F32Loader>{static_cast<const float*>(src), dst});
    case ElementType::F16: return forEach(n, Widen<F16Loader>{static_cast<const hwy::float16_t*>(src), dst});
    case ElementType::BF16: return forEach(n, Widen<BF16Loader>{static_cast<const hwy::bfloat16_t*>(src), dst});
    }
}

struct CopyF32 {
    const float* src;
    float* dst;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        hn::StoreU(hn::LoadU(d, src + i), d, dst + i);
    }
};

// Adding 0x7FFF, or 0x8000 where the lowest kept bit is set, and dropping the lower half is round to nearest
// even. A NaN is made quiet instead, or a payload in the lower half would round it to infinity.
struct ToBF16 {
    const float* src;
    std::uint16_t* dst;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const hn::Rebind<std::uint32_t, D> whole;
        const hn::Rebind<std::uint16_t, D> half;
        const hn::Rebind<std::int32_t, D> integer;
        const auto value = hn::LoadU(d, src + i);
        const auto bits = hn::BitCast(whole, value);
        const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(whole, 1));
        const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(whole, 0x7FFF)));
        const auto quiet = hn::Or(bits, hn::Set(whole, 0x400000));
        const auto chosen = hn::IfThenElse(hn::RebindMask(whole, hn::IsNaN(value)), quiet, rounded);
        const auto upper = hn::BitCast(integer, hn::ShiftRight<16>(chosen));
        hn::StoreU(hn::DemoteTo(half, upper), half, dst + i);
    }
};

struct ToF16 {
    const float* src;
    hwy::float16_t* dst;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SSE4
        // Highway's emulation truncates.
        for (std::size_t lane = 0; lane < hn::Lanes(d); ++lane)
            dst[i + static_cast<std::int64_t>(lane)].bits =
                c10::detail::fp16_ieee_from_fp32_value(src[i + static_cast<std::int64_t>(lane)]);
#else
        const hn::Rebind<hwy::float16_t, D> half;
        hn::StoreU(hn::DemoteTo(half, hn::LoadU(d, src + i)), half, dst + i);
#endif
    }
};

void convertTarget(ElementType type, const float* src, void* dst, std::int64_t n) {
    switch (type) {
    case ElementType::F32: return forEach(n, CopyF32{src, static_cast<float*>(dst)});
    case ElementType::F16: return forEach(n, ToF16{src, static_cast<hwy::float16_t*>(dst)});
    case ElementType::BF16: return forEach(n, ToBF16{src, static_cast<std::uint16_t*>(dst)});
    }
}

const char* targetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(rmsNormTarget);
HWY_EXPORT(swigluTarget);
HWY_EXPORT(widenTarget);
HWY_EXPORT(convertTarget);
HWY_EXPORT(targetName);

void rmsNorm(ElementType type, const void* gain, const float* x, float* y, std::int64_t n, float epsilon) {
    HWY_DYNAMIC_DISPATCH(rmsNormTarget)(type, gain, x, y, n, epsilon);
}

void rope(float* heads, int n, int d, std::int64_t position, float theta) {
    const int half = d / 2;
    for (int i = 0; i < half; ++i) {
        // In double: at position 32,768 an fp32 angle is off by thousandths of a radian.
        const double angle = static_cast<double>(position) * std::pow(static_cast<double>(theta), -2.0 * i / d);
        const auto cosine = static_cast<float>(std::cos(angle)), sine = static_cast<float>(std::sin(angle));
        for (int h = 0; h < n; ++h) {
            float& x = heads[std::int64_t{h} * d + i];
            float& y = heads[std::int64_t{h} * d + i + half];
            const float turned = x * cosine - y * sine;
            y = y * cosine + x * sine;
            x = turned;
        }
    }
}

void swiglu(float* gate, const float* up, std::int64_t n) { HWY_DYNAMIC_DISPATCH(swigluTarget)(gate, up, n); }

void convert(ElementType type, const float* src, void* dst, std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(convertTarget)(type, src, dst, n);
}

void widen(ElementType type, const void* src, float* dst, std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(widenTarget)(type, src, dst, n);
}

const char* instructionSet() { return HWY_DYNAMIC_DISPATCH(targetName)(); }

}  // namespace fovea::cpu
#endif
