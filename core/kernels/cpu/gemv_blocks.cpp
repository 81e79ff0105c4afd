// y (out) = W (out, in) · x (in), W in GGUF blocks as the file holds them (core/model/gguf_blocks.h has the formats and
// the truth).
//   reads   every byte of W once; x stays in L1 or L2
//   writes  out floats
//   work    2·out·in flops and as many integer operations again to unpack the codes
// A group of weights w = s·q − m shares s and m, so its part of the sum is s·Σ q·x − m·Σ x: codes are multiplied
// as integers and scaled once per group, and Σ x of each group is the same for all rows. Rows are split over
// threads in runs of about 64 KiB.

#include "core/kernels/cpu/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/cpu/gemv_blocks.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep

#include "core/kernels/cpu/blocks-inl.h"
#include "core/kernels/cpu/tasks.h"

#include <vector>

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

namespace {

// Weights that share a minimum; 0 where a type has none.
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

// Σ x of each run of `group`.
std::vector<float> groupSums(const float* x, std::int64_t in, int group) {
    std::vector<float> sums;
    if (group == 0)
        return sums;
    sums.reserve(static_cast<std::size_t>(in / group));
    for (std::int64_t at = 0; at < in; at += group) {
        float sum = 0;
        for (int i = 0; i < group; ++i)
            sum += x[at + i];
        sums.push_back(sum);
    }
    return sums;
}

}  // namespace

void gemv(BlockType type, const void* w, const float* x, float* y, std::int64_t out, std::int64_t in,
          std::int64_t vectors) {
    const int group = minimumGroup(type);
    const std::vector<float> sums = groupSums(x, vectors * in, group); // a row is whole groups
    const std::int64_t perVector = group == 0 ? 0 : in / group;
    const std::int64_t rowBytes = std::max<std::int64_t>(1, blockRowBytes(type, in));
    const std::int64_t rows = std::max<std::int64_t>(1, 64 * 1024 / rowBytes);
    forEachTask((out + rows - 1) / rows, out * rowBytes, [&](std::int64_t task) {
        for (std::int64_t v = 0; v < vectors; ++v)
            HWY_DYNAMIC_DISPATCH(gemvBlocksTarget)
            (type, w, x + v * in, sums.data() + v * perVector, y + v * out, task * rows,
             std::min(out, (task + 1) * rows), in);
    });
}

}  // namespace fovea::cpu
#endif
