// y (out) = W (out, in) · x (in), W in GGUF blocks as the file holds them (core/model/gguf_blocks.h has the formats and
// the truth).
//   reads   every byte of W once; x stays in L1 or L2
//   writes  out floats
//   work    2·out·in flops and as many integer operations again to unpack the codes
// A group of weights w = s·q − m shares s and m, so its part of the sum is s·Σ q·x − m·Σ x: codes are multiplied
// as integers and scaled once per group, and Σ x of each group is the same for all rows. Rows come
// in runs (products.cpp).

#include "core/kernels/cpu/gemv_rows.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv_blocks.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/blocks-inl.h"

HWY_BEFORE_NAMESPACE();
namespace fovea::cpu::HWY_NAMESPACE {

// One row; sums: Σ x of each group, used by types with minima only.
template <class Format>
HWY_INLINE float dotBlocks(const std::uint8_t* row, const float* x, const float* sums, std::int64_t in) {
    constexpr int kGroup = Format::kWeights / Format::kGroups;
    const Sixteen d;
    const auto lanes = static_cast<int>(hn::Lanes(d));
    auto total = hn::Zero(d);
    float below = 0;
    const std::uint8_t* block = row;
    for (std::int64_t at = 0; at < in; at += Format::kWeights, block += Format::kBytes) {
        GroupScales<Format::kGroups> scales;
        Format::scales(block, scales);
        for (int g = 0; g < Format::kGroups; ++g) {
            auto sum = hn::Zero(d);
            for (int i = g * kGroup; i < (g + 1) * kGroup; i += lanes)
                sum = hn::MulAdd(hn::ConvertTo(d, Format::codes(block, i)), hn::LoadU(d, x + at + i), sum);
            total = hn::MulAdd(hn::Set(d, scales.scale[g]), sum, total);
            if constexpr (Format::kMinima)
                below += scales.minimum[g] * sums[at / kGroup + g];
        }
    }
    return hn::GetLane(hn::SumOfLanes(d, total)) - below;
}

template <class Format>
struct BlockRows {
    static HWY_INLINE void run(const void* blocks, const float* x, const float* sums, float* y, std::int64_t first,
                               std::int64_t last, std::int64_t in) {
        const std::int64_t rowBytes = in / Format::kWeights * Format::kBytes;
        const auto* const w = static_cast<const std::uint8_t*>(blocks);
        for (std::int64_t row = first; row < last; ++row)
            y[row] = dotBlocks<Format>(w + row * rowBytes, x, sums, in);
    }
};

void gemvBlocksTarget(BlockType type, const void* w, const float* x, const float* sums, float* y, std::int64_t first,
                      std::int64_t last, std::int64_t in) {
    dispatchBlocks<BlockRows>(type, w, x, sums, y, first, last, in);
}

}  // namespace fovea::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace fovea::cpu {
HWY_EXPORT(gemvBlocksTarget);

int minimumGroup(BlockType type) {
    switch (type) {
    case BlockType::Q4_1:
    case BlockType::Q5_1:
    case BlockType::Q4_K:
    case BlockType::Q5_K: return 32;
    case BlockType::Q2_K: return 16;
    default: return 0;
    }
}

void gemvBlockRows(BlockType type, const void* w, const float* x, const float* sums, float* y, std::int64_t first,
                   std::int64_t last, std::int64_t in) {
    HWY_DYNAMIC_DISPATCH(gemvBlocksTarget)(type, w, x, sums, y, first, last, in);
}

}  // namespace fovea::cpu
#endif
