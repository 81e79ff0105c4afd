// The small steps between the matrices that touch each element alone: rotation, addition, and the change of
// number type of a row. Each reads and writes its n elements once; all are far too short to be worth waking a
// thread.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/elementwise.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/for_each-inl.h"
#include <c10/util/Half.h>

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

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

template <class Loader>
struct Add {
    const typename Loader::Element* addend;
    float* y;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        hn::StoreU(hn::Add(hn::LoadU(d, y + i), Loader::load(d, addend + i)), d, y + i);
    }
};

void addTarget(ElementType type, const void* addend, float* y, std::int64_t n) {
    switch (type) {
    case ElementType::F32:
        return forEach(n, Add<F32Loader>{static_cast<const float*>(addend), y});
    case ElementType::F16:
        return forEach(n, Add<F16Loader>{static_cast<const hwy::float16_t*>(addend), y});
    case ElementType::BF16:
        return forEach(n, Add<BF16Loader>{static_cast<const hwy::bfloat16_t*>(addend), y});
    }
}

// Component i with i + half, the angles of all pairs in two runs.
struct Rotate {
    float *x, *y;
    const float *cosine, *sine;

    template <class D>
    HWY_INLINE void operator()(D d, std::int64_t i) const {
        const auto a = hn::LoadU(d, x + i), b = hn::LoadU(d, y + i);
        const auto c = hn::LoadU(d, cosine + i), s = hn::LoadU(d, sine + i);
        hn::StoreU(hn::Sub(hn::Mul(a, c), hn::Mul(b, s)), d, x + i);
        hn::StoreU(hn::MulAdd(b, c, hn::Mul(a, s)), d, y + i);
    }
};

void ropeTarget(float* heads, int n, int d, std::int64_t half, const float* cosine, const float* sine) {
    for (std::int64_t h = 0; h < n; ++h)
        forEach(half, Rotate{heads + h * d, heads + h * d + half, cosine, sine});
}

const char* targetName() { return hwy::TargetName(HWY_TARGET); }

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(addTarget);
HWY_EXPORT(ropeTarget);
HWY_EXPORT(widenTarget);
HWY_EXPORT(convertTarget);
HWY_EXPORT(targetName);

void add(ElementType type, const void* addend, float* y, std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(addTarget)(type, addend, y, n);
}

void rope(float* heads, int n, int d, std::span<const float> cosine, std::span<const float> sine) {
    HWY_DYNAMIC_DISPATCH(ropeTarget)(heads, n, d, std::ssize(cosine), cosine.data(), sine.data());
}

void convert(ElementType type, const float* src, void* dst, std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(convertTarget)(type, src, dst, n);
}

void widen(ElementType type, const void* src, float* dst, std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(widenTarget)(type, src, dst, n);
}

const char* instructionSet() { return HWY_DYNAMIC_DISPATCH(targetName)(); }

}  // namespace fovea::cpu
#endif
