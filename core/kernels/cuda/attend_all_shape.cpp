// What can be said of a step without a GPU: limits, scratch, and how finely to split. Compiled with or
// without CUDA.

#include <algorithm>

#include "core/kernels/cuda/attend_all_tile.h"
#include "core/kernels/cuda/kernels.h"

namespace fovea::cuda {
namespace {

// Thread blocks wanted per multiprocessor, so that the loads of one hide behind the arithmetic of another,
// and the least slots worth a block of their own. Reasoned, not yet measured on a GPU.
constexpr std::int64_t kBlocksPerMultiprocessor = 4;
constexpr std::int64_t kLeastSlotsPerSplit = 64;

// Grid dimensions y and z of CUDA.
constexpr int kMaxGridYZ = 65535;

std::int64_t ceilDivide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool aligned16(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0; }

std::string refuseShape(const AttendAll& step) {
    if (step.heads < 1 || step.kvHeads < 1 || step.heads % step.kvHeads != 0)
        return "attention needs query heads that are a multiple of the KV heads, got " +
               std::to_string(step.heads) + " and " + std::to_string(step.kvHeads);
    if (step.kvHeads > kMaxGridYZ)
        return std::to_string(step.kvHeads) + " KV heads are more than the " + std::to_string(kMaxGridYZ) +
               " that a CUDA grid holds";
    const int multiple = 16 / elementBytes(step.type);
    if (step.headDim < 1 || step.headDim > kMaxHeadDim || step.headDim % multiple != 0)
        return "the CUDA attention kernel reads rows in 16-byte words: head width must be a multiple of " +
               std::to_string(multiple) + " up to " + std::to_string(kMaxHeadDim) + " in " +
               std::string(elementName(step.type)) + ", got " + std::to_string(step.headDim);
    if (step.slotsPerBlock < 1)
        return "a cache block needs at least one slot, got " + std::to_string(step.slotsPerBlock);
    if (step.splits < 1 || step.splits > kMaxSplits)
        return "splits must be 1 to " + std::to_string(kMaxSplits) + ", got " + std::to_string(step.splits);
    return "";
}

std::string refusePointers(const AttendAll& step) {
    if (!step.q || !step.keys || !step.values || !step.slots || !step.out)
        return "attention needs q, keys, values, slots and out, and one of them is null";
    if (step.splits > 1 && !step.partials)
        return "attention in " + std::to_string(step.splits) + " splits needs room for partials";
    if (!aligned16(step.q) || !aligned16(step.out) || !aligned16(step.partials))
        return "attention needs q, out and partials aligned to 16 bytes";
    return "";
}

}  // namespace

int splitsFor(const AttendAll& step, std::int64_t longest, int multiprocessors) {
    const std::int64_t blocksPerSplit = std::int64_t{step.kvHeads} * readsOfEachRow(step);
    const std::int64_t wanted = ceilDivide(kBlocksPerMultiprocessor * multiprocessors, blocksPerSplit);
    const std::int64_t worthwhile = ceilDivide(longest, kLeastSlotsPerSplit);
    return static_cast<int>(std::clamp<std::int64_t>(std::min(wanted, worthwhile), 1, kMaxSplits));
}

std::size_t partialFloats(const AttendAll& step) {
    if (step.splits <= 1)
        return 0;
    const std::size_t states = static_cast<std::size_t>(step.heads) * static_cast<std::size_t>(step.splits);
    return states * (static_cast<std::size_t>(step.headDim) + 2);  // o (d), m, l
}

int readsOfEachRow(const AttendAll& step) {
    const int group = step.heads / step.kvHeads;
    return static_cast<int>(ceilDivide(group, queryTile(group)));
}

std::string refusal(const AttendAll& step) {
    const std::string shape = refuseShape(step);
    return shape.empty() ? refusePointers(step) : shape;
}

}  // namespace fovea::cuda
