// One format per BlockType: how a block's scales become floats and its codes vectors of integers. The layouts are
// those of core/model/gguf_blocks.cpp. Compiled once per instruction set.
//   kWeights, kBytes  of a block
//   kGroups           with a scale, and with kMinima a minimum, of their own: w = scale·code − minimum
//   scales            of all groups
//   codes             of the weights i, i + 1, …, one vector, which never leaves a run of 16

#if defined(FOVEA_CORE_KERNELS_CPU_BLOCKS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef FOVEA_CORE_KERNELS_CPU_BLOCKS_INL_H_
#undef FOVEA_CORE_KERNELS_CPU_BLOCKS_INL_H_
#else
#define FOVEA_CORE_KERNELS_CPU_BLOCKS_INL_H_
#endif

#include <hwy/highway.h>

#include <cstdint>

#include "core/model/block_type.h"
#include "core/model/half_float.h"
#include "core/model/k_scales.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Sixteen = hn::CappedTag<float, 16>;
using Codes = hn::Rebind<std::int32_t, Sixteen>;
using Bytes = const std::uint8_t*;

template <int kGroups>
struct GroupScales {
    float scale[kGroups], minimum[kGroups];
};

template <BlockType kType, int kGroupsOf, bool kMinimaOf>
struct BlockFormat {
    static constexpr int kWeights = blockShape(kType).elements, kBytes = blockShape(kType).bytes;
    static constexpr int kGroups = kGroupsOf;
    static constexpr bool kMinima = kMinimaOf;
    using Scales = GroupScales<kGroups>;
};

HWY_INLINE float halfAt(Bytes from) {
    return fromHalf(static_cast<std::uint16_t>(from[0] | from[1] << 8));
}

HWY_INLINE hn::Vec<Codes> bytesAt(Bytes from) {
    return hn::PromoteTo(Codes(), hn::LoadU(hn::Rebind<std::uint8_t, Codes>(), from));
}

// Bits [shift, shift + count) of each of the bytes.
HWY_INLINE hn::Vec<Codes> bitsAt(Bytes from, int shift, int count) {
    return hn::And(hn::ShiftRightSame(bytesAt(from), shift), hn::Set(Codes(), (1 << count) - 1));
}

HWY_INLINE hn::Vec<Codes> less(hn::Vec<Codes> codes, int by) {
    return hn::Sub(codes, hn::Set(Codes(), by));
}

// Four bits of a block of 32: low halves of 16 bytes, then high ones.
HWY_INLINE hn::Vec<Codes> fourBits(Bytes from, int i) {
    return bitsAt(from + i % 16, i / 16 * 4, 4);
}

// Bit i of 32, bit i + 1, …, at `place`.
HWY_INLINE hn::Vec<Codes> fifthBits(Bytes high, int i, int place) {
    const Codes d;
    const std::uint32_t bits = static_cast<std::uint32_t>(high[0] | high[1] << 8 | high[2] << 16) |
                               static_cast<std::uint32_t>(high[3]) << 24;
    const auto lane = hn::Shl(hn::Set(d, 1), hn::Iota(d, 0));
    const auto mine = hn::And(hn::Set(d, static_cast<std::int32_t>(bits >> i)), lane);
    return hn::IfThenElseZero(hn::Ne(mine, hn::Zero(d)), hn::Set(d, 1 << place));
}

// Two bits of a block of 256: the four quarters of each half are the bit pairs of 32 bytes.
HWY_INLINE hn::Vec<Codes> twoBits(Bytes from, int i) {
    return bitsAt(from + i / 128 * 32 + i % 32, i % 128 / 32 * 2, 2);
}

// Four bits of Q4_K and Q5_K: each 64 weights are the halves of 32 bytes.
HWY_INLINE hn::Vec<Codes> nibbles(Bytes from, int i) {
    return bitsAt(from + i / 64 * 32 + i % 32, i % 64 / 32 * 4, 4);
}

struct Q4_0Format : BlockFormat<BlockType::Q4_0, 1, false> {
    static HWY_INLINE void scales(Bytes block, Scales& to) { to.scale[0] = halfAt(block); }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) { return less(fourBits(block + 2, i), 8); }
};

struct Q4_1Format : BlockFormat<BlockType::Q4_1, 1, true> {
    static HWY_INLINE void scales(Bytes block, Scales& to) {
        to.scale[0] = halfAt(block);
        to.minimum[0] = -halfAt(block + 2);
    }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) { return fourBits(block + 4, i); }
};

struct Q5_0Format : BlockFormat<BlockType::Q5_0, 1, false> {
    static HWY_INLINE void scales(Bytes block, Scales& to) { to.scale[0] = halfAt(block); }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) {
        return less(hn::Or(fourBits(block + 6, i), fifthBits(block + 2, i, 4)), 16);
    }
};

struct Q5_1Format : BlockFormat<BlockType::Q5_1, 1, true> {
    static HWY_INLINE void scales(Bytes block, Scales& to) {
        to.scale[0] = halfAt(block);
        to.minimum[0] = -halfAt(block + 2);
    }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) {
        return hn::Or(fourBits(block + 8, i), fifthBits(block + 4, i, 4));
    }
};

struct Q8_0Format : BlockFormat<BlockType::Q8_0, 1, false> {
    static HWY_INLINE void scales(Bytes block, Scales& to) { to.scale[0] = halfAt(block); }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) {
        const auto* from = reinterpret_cast<const std::int8_t*>(block + 2 + i);
        return hn::PromoteTo(Codes(), hn::LoadU(hn::Rebind<std::int8_t, Codes>(), from));
    }
};

struct Q2_KFormat : BlockFormat<BlockType::Q2_K, 16, true> {
    static HWY_INLINE void scales(Bytes block, Scales& to) {
        const float D = halfAt(block + 80), M = halfAt(block + 82);
        for (int g = 0; g < 16; ++g) {
            to.scale[g] = D * static_cast<float>(block[g] & 15);
            to.minimum[g] = M * static_cast<float>(block[g] >> 4);
        }
    }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) { return twoBits(block + 16, i); }
};

struct Q3_KFormat : BlockFormat<BlockType::Q3_K, 16, false> {
    static HWY_INLINE void scales(Bytes block, Scales& to) {
        const float D = halfAt(block + 108);
        for (int g = 0; g < 16; ++g)
            to.scale[g] = D * static_cast<float>(scaleQ3_K(block + 96, g));
    }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) {
        const auto third = hn::ShiftLeft<2>(bitsAt(block + i % 32, i / 32, 1));
        return less(hn::Or(twoBits(block + 32, i), third), 4);
    }
};

// The head of Q4_K and Q5_K.
HWY_INLINE void eightScales(Bytes block, GroupScales<8>& to) {
    const float D = halfAt(block), M = halfAt(block + 2);
    for (int g = 0; g < 8; ++g) {
        const auto [scale, minimum] = scaleQ4_K(block + 4, g);
        to.scale[g] = D * static_cast<float>(scale);
        to.minimum[g] = M * static_cast<float>(minimum);
    }
}

struct Q4_KFormat : BlockFormat<BlockType::Q4_K, 8, true> {
    static HWY_INLINE void scales(Bytes block, Scales& to) { eightScales(block, to); }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) { return nibbles(block + 16, i); }
};

struct Q5_KFormat : BlockFormat<BlockType::Q5_K, 8, true> {
    static HWY_INLINE void scales(Bytes block, Scales& to) { eightScales(block, to); }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) {
        const auto fifth = hn::ShiftLeft<4>(bitsAt(block + 16 + i % 32, i / 32, 1));
        return hn::Or(nibbles(block + 48, i), fifth);
    }
};

struct Q6_KFormat : BlockFormat<BlockType::Q6_K, 16, false> {
    static HWY_INLINE void scales(Bytes block, Scales& to) {
        const float D = halfAt(block + 208);
        for (int g = 0; g < 16; ++g)
            to.scale[g] = D * static_cast<float>(static_cast<std::int8_t>(block[192 + g]));
    }
    static HWY_INLINE hn::Vec<Codes> codes(Bytes block, int i) {
        const auto low = bitsAt(block + i / 128 * 64 + i % 64, i % 128 / 64 * 4, 4);
        return less(hn::Or(low, hn::ShiftLeft<4>(twoBits(block + 128, i))), 32);
    }
};

// Calls Kernel<Format>::run(arguments...) for the type.
template <template <class> class Kernel, class... Arguments>
HWY_INLINE void dispatchBlocks(BlockType type, Arguments... arguments) {
    switch (type) {
    case BlockType::None: return;
    case BlockType::Q4_0: return Kernel<Q4_0Format>::run(arguments...);
    case BlockType::Q4_1: return Kernel<Q4_1Format>::run(arguments...);
    case BlockType::Q5_0: return Kernel<Q5_0Format>::run(arguments...);
    case BlockType::Q5_1: return Kernel<Q5_1Format>::run(arguments...);
    case BlockType::Q8_0: return Kernel<Q8_0Format>::run(arguments...);
    case BlockType::Q2_K: return Kernel<Q2_KFormat>::run(arguments...);
    case BlockType::Q3_K: return Kernel<Q3_KFormat>::run(arguments...);
    case BlockType::Q4_K: return Kernel<Q4_KFormat>::run(arguments...);
    case BlockType::Q5_K: return Kernel<Q5_KFormat>::run(arguments...);
    case BlockType::Q6_K: return Kernel<Q6_KFormat>::run(arguments...);
    }
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
