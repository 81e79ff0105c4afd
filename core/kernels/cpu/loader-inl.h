// One loader per ElementType: how stored elements become vectors of fp32. Every inner loop is a template over a
// loader, so a new store is a new loader and not a new loop. Compiled once per instruction set.
//   load      one vector from as many elements, in order
//   loadRun   kVectors vectors from one run of elements, in the loader's own order: see arrangement.h

#if defined(FOVEA_CORE_KERNELS_CPU_LOADER_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_LOADER_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_LOADER_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_LOADER_INL_H_
#endif

#include <hwy/highway.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "core/cache/element_type.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class Loader>
struct InOrder {
    static constexpr int kVectors = 1;
    template <class D, class Element>
    static HWY_INLINE void loadRun(D d, const Element* from, hn::Vec<D> (&to)[1]) {
        to[0] = Loader::load(d, from);
    }
};

struct F32Loader : InOrder<F32Loader> {
    using Element = float;
    template <class D>
    static HWY_INLINE hn::Vec<D> load(D d, const Element* from) {
        return hn::LoadU(d, from);
    }
};

struct F16Loader : InOrder<F16Loader> {
    using Element = hwy::float16_t;
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SSE4
    // Without an instruction for it: move exponent and mantissa into place and correct the exponent's bias by a
    // multiplication, which also normalises subnormals. (Highway's own emulation turns infinity into 65536.)
    template <class D>
    static HWY_INLINE hn::Vec<D> load(D d, const Element* from) {
        const hn::Rebind<std::uint16_t, D> half;
        const hn::Rebind<std::int32_t, D> whole;
        const auto bits = hn::PromoteTo(whole, hn::LoadU(half, reinterpret_cast<const std::uint16_t*>(from)));
        const auto size = hn::ShiftLeft<13>(hn::And(bits, hn::Set(whole, 0x7FFF)));
        const auto sign = hn::ShiftLeft<31>(hn::ShiftRight<15>(bits));
        const auto finite = hn::BitCast(whole, hn::Mul(hn::BitCast(d, size), hn::Set(d, 0x1p112f)));
        const auto special = hn::Or(size, hn::Set(whole, 0x7F800000));
        const auto isSpecial = hn::Gt(size, hn::Set(whole, (0x7BFF << 13)));
        return hn::BitCast(d, hn::Or(sign, hn::IfThenElse(isSpecial, special, finite)));
    }
#else
    template <class D>
    static HWY_INLINE hn::Vec<D> load(D d, const Element* from) {
        return hn::PromoteTo(d, hn::LoadU(hn::Rebind<Element, D>(), from));
    }
#endif
};

// A cache line at a time, as two vectors in order: loops that ask for lines ahead ask once per turn.
struct F16LineLoader : F16Loader {
    static constexpr int kVectors = 2;
    template <class D>
    static HWY_INLINE void loadRun(D d, const Element* from, hn::Vec<D> (&to)[2]) {
        to[0] = load(d, from);
        to[1] = load(d, from + hn::Lanes(d));
    }
};

// The upper half of an fp32.
struct BF16Loader : InOrder<BF16Loader> {
    using Element = hwy::bfloat16_t;
    template <class D>
    static HWY_INLINE hn::Vec<D> load(D d, const Element* from) {
        const hn::Rebind<std::uint16_t, D> half;
        const hn::Rebind<std::uint32_t, D> whole;
        const auto bits = hn::LoadU(half, reinterpret_cast<const std::uint16_t*>(from));
        return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(whole, bits)));
    }
};

// Two vectors from one load, without moving anything across lanes: the elements at even places, then those at
// odd ones. Takes half the instructions of loading them in order.
struct BF16PairLoader {
    using Element = hwy::bfloat16_t;
    static constexpr int kVectors = 2;
    template <class D>
    static HWY_INLINE void loadRun(D d, const Element* from, hn::Vec<D> (&to)[2]) {
        const hn::Rebind<std::uint32_t, D> whole;
        const auto bits = hn::LoadU(whole, reinterpret_cast<const std::uint32_t*>(from));
        to[0] = hn::BitCast(d, hn::ShiftLeft<16>(bits));
        to[1] = hn::BitCast(d, hn::And(bits, hn::Set(whole, 0xFFFF0000u)));
    }
};

// The widest vectors that divide a row, so that no loop over a row has a tail: those of the machine, else 8
// lanes (a toy model's head_dim), else one.
using Widest = hn::ScalableTag<float>;
using Eight = hn::CappedTag<float, 8>;
using Single = hn::CappedTag<float, 1>;

// Calls Kernel<Loader>::run(tag, arguments...) for the type and the row length.
template <template <class> class Kernel, class Loader, class... Arguments>
HWY_INLINE void dispatchWidth(std::int64_t length, Arguments&&... arguments) {
    const std::int64_t widest = static_cast<std::int64_t>(hn::Lanes(Widest()));
    if (length % widest == 0)
        Kernel<Loader>::run(Widest(), arguments...);
    else if (length % 8 == 0)
        Kernel<Loader>::run(Eight(), arguments...);
    else
        Kernel<Loader>::run(Single(), arguments...);
}

inline bool fillsTwoVectors(std::int64_t length) {
    return length % (2 * static_cast<std::int64_t>(hn::Lanes(Widest()))) == 0;
}

// Little-endian 16-bit halves of 32-bit lanes are what BF16PairLoader takes apart.
inline bool loadsPairs(ElementType type, std::int64_t length) {
    return std::endian::native == std::endian::little && type == ElementType::BF16 && fillsTwoVectors(length);
}

template <template <class> class Kernel, class... Arguments>
HWY_INLINE void dispatchType(ElementType type, std::int64_t length, Arguments&&... arguments) {
    switch (type) {
    case ElementType::F32: return dispatchWidth<Kernel, F32Loader>(length, arguments...);
    case ElementType::F16:
        if (fillsTwoVectors(length))
            return Kernel<F16LineLoader>::run(Widest(), arguments...);
        return dispatchWidth<Kernel, F16Loader>(length, arguments...);
    case ElementType::BF16:
        if (loadsPairs(type, length))
            return Kernel<BF16PairLoader>::run(Widest(), arguments...);
        return dispatchWidth<Kernel, BF16Loader>(length, arguments...);
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
