// Blocks to floats: a row of an embedding, or a matrix that a matrix product wants whole. Truth: decodeBlocks.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/widen_blocks.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

template <class Format>
struct WidenBlocks {
    static HWY_INLINE void run(const void* blocks, float* values, std::int64_t n) {
        constexpr int kGroup = Format::kWeights / Format::kGroups;
        const Sixteen d;
        const auto lanes = static_cast<int>(hn::Lanes(d));
        const auto* block = static_cast<Bytes>(blocks);
        for (std::int64_t at = 0; at < n; at += Format::kWeights, block += Format::kBytes) {
            typename Format::Scales scales;
            Format::scales(block, scales);
            for (int i = 0; i < Format::kWeights; i += lanes) {
                const auto scaled =
                    hn::Mul(hn::ConvertTo(d, Format::codes(block, i)), hn::Set(d, scales.scale[i / kGroup]));
                if constexpr (Format::kMinima)
                    hn::StoreU(hn::Sub(scaled, hn::Set(d, scales.minimum[i / kGroup])), d, values + at + i);
                else
                    hn::StoreU(scaled, d, values + at + i);
            }
        }
    }
};

void widenBlocksTarget(BlockType type, const void* blocks, float* values, std::int64_t n) {
    dispatchBlocks<WidenBlocks>(type, blocks, values, n);
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(widenBlocksTarget);

void widen(BlockType type, const void* src, float* dst, std::int64_t n) {
    HWY_DYNAMIC_DISPATCH(widenBlocksTarget)(type, src, dst, n);
}

}  // namespace fovea::cpu
#endif
