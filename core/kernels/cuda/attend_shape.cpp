// What can be said of a step without a GPU: limits, scratch, and how finely to split. Compiled with or
// without CUDA.

#include <algorithm>

#include "core/kernels/cuda/attend_tile.h"
#include "core/kernels/cuda/attend_turned.h"
#include "core/kernels/cuda/coded_rows_shape.h"

namespace fovea::cuda {
namespace {

// Thread blocks wanted per multiprocessor, so that the loads of one hide behind the arithmetic of another,
// and the least slots worth a block of their own. Reasoned, not yet measured on a GPU.
constexpr std::int64_t kBlocksPerMultiprocessor = 4;
constexpr std::int64_t kLeastSlotsPerSplit = 64;

// Grid dimensions y and z of CUDA.
constexpr int kMaxGridYZ = 65535;

std::int64_t ceilDivide(std::int64_t a, std::int64_t b) {
    return (a + b - 1) / b;
}

bool aligned16(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

std::string refuseFloats(const AttendAll& step) {
    const int multiple = 16 / elementBytes(step.type);
    if (step.headDim < 1 || step.headDim > kMaxHeadDim || step.headDim % multiple != 0)
        return "the CUDA attention kernel reads rows in 16-byte words: head width must be a multiple of " +
               std::to_string(multiple) + " up to " + std::to_string(kMaxHeadDim) + " in " +
               std::string(elementName(step.type)) + ", got " + std::to_string(step.headDim);
    return "";
}

std::string refuseShape(const AttendAll& step) {
    if (step.heads < 1 || step.kvHeads < 1 || step.heads % step.kvHeads != 0)
        return "attention needs query heads that are a multiple of the KV heads, got " +
               std::to_string(step.heads) + " and " + std::to_string(step.kvHeads);
    if (step.batch.count < 1 || step.batch.all < 1 || (!step.batch.places && step.batch.count > 1))
        return "attention of " + std::to_string(step.batch.count) +
               " texts needs to know where each of them lies";
    if (std::int64_t{step.kvHeads} * step.batch.count > kMaxGridYZ)
        return std::to_string(std::int64_t{step.kvHeads} * step.batch.count) +
               " KV heads are more than the " + std::to_string(kMaxGridYZ) + " that a CUDA grid holds";
    if (step.slotsPerBlock < 1)
        return "a cache block needs at least one slot, got " + std::to_string(step.slotsPerBlock);
    if (step.splits < 1 || step.splits > kMaxSplits)
        return "splits must be 1 to " + std::to_string(kMaxSplits) + ", got " + std::to_string(step.splits);
    if (!(step.softcap >= 0))
        return "a soft cap is a positive number, or 0 for none, got " + std::to_string(step.softcap);
    if (step.mixed.any())
        return refuseMixedRows(step.mixed, step.headDim);
    return step.codes.bits != 0 ? refuseCodedRows(step.codes, step.headDim) : refuseFloats(step);
}

std::string refusePointers(const AttendAll& step) {
    if (!step.q || !step.keys || !step.values || !step.slots || !step.out)
        return "attention needs q, keys, values, slots and out, and one of them is null";
    if (step.splits > 1 && !step.partials)
        return "attention in " + std::to_string(step.splits) + " splits needs room for partials";
    if (!aligned16(step.q) || !aligned16(step.out) || !aligned16(step.partials))
        return "attention needs q, out and partials aligned to 16 bytes";
    if (step.sights && !step.positions)
        return "attention by what each head sees needs the positions of the slots";
    if (step.report.logits && (!step.report.tops || !step.report.sums))
        return "a report of logits needs room for their largest and their sums";
    if (step.report.logits && step.sights)
        return "where heads of a group see different tokens there is no report of their logits";
    return "";
}

} // namespace

std::string refuseCodedRows(const RowCodes& codes, int headDim) {
    if (codes.bits != 8 && codes.bits != 4 && codes.bits != 3 && codes.bits != 2)
        return "coded rows have 8, 4, 3 or 2 bits, got " + std::to_string(codes.bits);
    if (codes.group != 32 && codes.group != 64 && (codes.group < 128 || codes.group % 128 != 0))
        return "groups of coded rows are of 32, 64 or a multiple of 128 components, got " +
               std::to_string(codes.group);
    if (codes.zeroBytes < 0 || codes.zeroBytes > 2)
        return "zeros of coded rows take 0, 1 or 2 bytes, got " + std::to_string(codes.zeroBytes);
    const int multiple = codes.bits == 3 ? 16 : 8;
    if (headDim < 1 || headDim > kMaxHeadDim || headDim % multiple != 0)
        return "the CUDA attention kernel takes eight codes at a time: head width must be a multiple of " +
               std::to_string(multiple) + " up to " + std::to_string(kMaxHeadDim) + " at " +
               std::to_string(codes.bits) + " bits, got " + std::to_string(headDim);
    return "";
}

int splitsFor(const AttendAll& step, std::int64_t longest, int multiprocessors, bool perQueryHead) {
    const std::int64_t blocksPerSplit =
        perQueryHead ? step.heads : std::int64_t{step.kvHeads} * readsOfEachRow(step);
    const std::int64_t wanted = ceilDivide(kBlocksPerMultiprocessor * multiprocessors, blocksPerSplit);
    const std::int64_t worthwhile = ceilDivide(longest, kLeastSlotsPerSplit);
    return static_cast<int>(std::clamp<std::int64_t>(std::min(wanted, worthwhile), 1, kMaxSplits));
}

std::size_t partialFloats(const AttendAll& step) {
    if (step.splits <= 1)
        return 0;
    const std::size_t states = static_cast<std::size_t>(step.heads) *
                               static_cast<std::size_t>(step.batch.all) *
                               static_cast<std::size_t>(step.splits);
    return states * (static_cast<std::size_t>(step.headDim) + 2); // o (d), m, l
}

int readsOfEachRow(const AttendAll& step) {
    const int group = step.heads / step.kvHeads;
    return static_cast<int>(ceilDivide(group, queryTile(group, true)));
}

std::string refusal(const AttendAll& step) {
    const std::string shape = refuseShape(step);
    return shape.empty() ? refusePointers(step) : shape;
}

std::string refusal(const AttendAll& step, const SlotLists& lists, const MeanValue& mean) {
    if (const std::string why = refusal(step); !why.empty())
        return why;
    if (!lists.slots || !lists.counts || lists.stride < 1)
        return "attention over lists needs their slots and counts, and room for at least one slot each";
    if (lists.perQueryHead && std::int64_t{step.heads} * step.batch.count > kMaxGridYZ)
        return "lists of " + std::to_string(std::int64_t{step.heads} * step.batch.count) +
               " query heads are more than the " + std::to_string(kMaxGridYZ) + " that a CUDA grid holds";
    if (mean.alphas && !mean.sums)
        return "a mean value needs the sums of the values";
    return "";
}

std::string refusal(const AttendAll& step, const SlotLists& lists, const KnownLogits& known) {
    if (const std::string why = refusal(step, lists); !why.empty())
        return why;
    if (!known.logits || !known.tops != !known.sums)
        return "values of listed slots need their logits, and the largest together with the sums or neither";
    if (step.report.logits)
        return "logits that are known already are not reported again";
    return "";
}

std::string refusal(const AttendAll& step, const TurnedSlots& turned) {
    if (const std::string why = refusal(step); !why.empty())
        return why;
    if (turned.count < 0 || !turned.scratch || (turned.count > 0 && (!turned.slots || !turned.q)))
        return "turned slots need their numbers, their queries and scratch";
    if (turned.count > 0 && !step.sights)
        return "turned slots need sights that hide them from the queries which are not turned";
    if (step.batch.places)
        return "slots are met by turned queries of one text at a time";
    if (step.report.logits || step.report.tops)
        return "where slots are met by turned queries there is no report of their logits";
    return "";
}

} // namespace fovea::cuda
