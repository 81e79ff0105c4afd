// What can be said of a read without a GPU: limits and scratch. Compiled with or without CUDA.

#include "core/kernels/cuda/reads_shape.h"

#include <limits>

#include "core/kernels/cuda/coded_rows_shape.h"
#include "core/kernels/cuda/reads.h"

namespace fovea::cuda {
namespace {

constexpr int kMaxGridYZ = 65535; // of CUDA

bool aligned16(const void* pointer) {
    return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}
std::string number(std::int64_t n) {
    return std::to_string(n);
}

std::string refuseShape(const ReadStep& step) {
    if (step.heads < 1 || step.kvHeads < 1 || step.heads % step.kvHeads != 0)
        return "a read needs query heads that are a multiple of the KV heads, got " + number(step.heads) +
               " and " + number(step.kvHeads);
    if (step.batch.count < 1 || step.batch.all < 1 || (!step.batch.places && step.batch.count > 1))
        return "a read of " + number(step.batch.count) + " texts needs to know where each of them lies";
    if (std::int64_t{step.kvHeads} * step.batch.count > kMaxGridYZ)
        return number(std::int64_t{step.kvHeads} * step.batch.count) + " KV heads are more than the " +
               number(kMaxGridYZ) + " that a CUDA grid holds";
    const int multiple = 16 / elementBytes(step.type);
    if (step.headDim < 1 || step.headDim > kMaxHeadDim || step.headDim % multiple != 0)
        return "the CUDA kernels of reads take rows in 16-byte words: head width must be a multiple of " +
               number(multiple) + " up to " + number(kMaxHeadDim) + " in " +
               std::string(elementName(step.type)) + ", got " + number(step.headDim);
    if (step.slotsPerBlock < 1)
        return "a cache block needs at least one slot, got " + number(step.slotsPerBlock);
    return "";
}

std::string refuseStep(const ReadStep& step) {
    if (const std::string shape = refuseShape(step); !shape.empty())
        return shape;
    if (!(step.scale > 0))
        return "a read needs the scale of its logits, got " + std::to_string(step.scale);
    if (step.longest < 0 || step.longest > std::numeric_limits<std::int32_t>::max() - kColumnSpan)
        return number(step.longest) + " slots of a KV head are beyond what a slot's number holds";
    if (step.sights && !step.positions)
        return "a read by what each head sees needs the positions of the slots";
    if (!step.q || !step.slots)
        return "a read needs q and the numbers of live slots, and one of them is null";
    return "";
}

std::string refuseLogits(const ReadStep& step, const ReadLogits& logits) {
    if (!logits.logits || !logits.tops || !logits.sums)
        return "a read needs room for logits and the masses of their softmaxes, and one of them is null";
    if (logits.stride < step.longest || logits.stride % 4 != 0 || !aligned16(logits.logits))
        return "rows of logits must hold " + number(step.longest) +
               " and begin at 16 bytes: their stride must be a multiple of 4, got " + number(logits.stride);
    return "";
}

std::string refuseChoice(const ReadChoice& choice, std::int64_t most) {
    if (!choice.slots || !choice.counts)
        return "a read needs room for the slots it chooses and for their number, and one of them is null";
    if (choice.most < most)
        return "rows of chosen slots must hold " + number(most) + ", got room for " + number(choice.most);
    return "";
}

// (m, l) of every span, and of a group what slots are compared by.
std::size_t selectionFloats(const ReadStep& step, const ReadLogits& logits, std::int64_t perSpan) {
    const auto texts = static_cast<std::size_t>(step.batch.all),
               heads = texts * static_cast<std::size_t>(step.heads);
    const std::size_t spans = 2 * heads * static_cast<std::size_t>(spansOf(step.longest, perSpan));
    const std::size_t sums =
        texts * static_cast<std::size_t>(step.kvHeads) * static_cast<std::size_t>(logits.stride);
    return spans + (step.group() > 1 ? sums : 0);
}

std::int64_t least(std::int64_t a, std::int64_t b) {
    return a < b ? a : b;
}

// The first complaint.
template <class... Others>
std::string firstOf(std::string complaint, const Others&... others) {
    if constexpr (sizeof...(others) > 0)
        return complaint.empty() ? firstOf(others...) : complaint;
    return complaint;
}

std::string refuseSparq(const SparqChoice& c) {
    const ReadStep& step = c.step;
    if (step.slotsPerBlock % (16 / elementBytes(step.type)) != 0)
        return "columns of keys are read in 16-byte words: blocks must hold a multiple of " +
               number(16 / elementBytes(step.type)) + " slots, got " + number(step.slotsPerBlock);
    if (c.components < 1 || c.components > step.headDim)
        return "SparQ looks at 1 to " + number(step.headDim) + " components, got " + number(c.components);
    if (c.tokens < 1 || c.local < 0 || c.local > c.tokens)
        return "SparQ reads at least one token, the local ones among them, got " + number(c.tokens) +
               " and " + number(c.local);
    if (!c.keyColumns || !c.chosenComponents || !c.taus || !c.alphas || !c.scratch)
        return "SparQ's choice needs columns of keys and room for components, temperatures, α and scratch, "
               "and one "
               "of them is null";
    if (step.sights && !c.seenTokens)
        return "SparQ by what each head sees needs room for how many tokens these are";
    if (!aligned16(c.scratch))
        return "SparQ's scratch must be aligned to 16 bytes";
    if (c.byAge && step.longest > kMostBitSlots)
        return "the newest of " + number(step.longest) +
               " slots out of order are too many: " + number(kMostBitSlots) + " fit a block's shared memory";
    return "";
}

std::string refuseQuest(const QuestChoice& c) {
    if (c.page < 1 || c.pages < 1 || c.pagesPerBlock < 1)
        return "Quest reads pages of at least one slot, one page and one of a block at least, got " +
               number(c.page) + ", " + number(c.pages) + " and " + number(c.pagesPerBlock);
    const std::int64_t pages = pagesOf(c.step.longest, c.page);
    if (c.stride < pages)
        return "rows of pages' scores must hold " + number(pages) + ", got room for " + number(c.stride);
    if (!c.bounds || !c.scores || !c.chosenPages || !c.pageCounts)
        return "Quest's choice needs bounds of pages and room for scores and chosen pages, and one of them "
               "is null";
    return "";
}

std::string refuseTopv(const TopvChoice& c) {
    if (c.tokens < 1)
        return "top-k V reads at least one value, got " + number(c.tokens);
    if (!c.keys || !c.weights || !c.kept || !c.scratch)
        return "top-k V's choice needs keys and room for weights, what they sum to and scratch, and one of "
               "them is "
               "null";
    if (!aligned16(c.scratch))
        return "top-k V's scratch must be aligned to 16 bytes";
    if (c.turned.count < 0 || (c.turned.count > 0 && (!c.turned.slots || !c.turned.q)))
        return "turned slots need their numbers and their queries";
    if (c.turned.count > 0 && c.step.batch.places)
        return "slots are met by turned queries of one text at a time";
    if (c.turned.count > 0 && !c.step.sights)
        return "turned slots need sights that hide them from the queries which are not turned";
    if (c.mixed.any())
        return refuseMixedRows(c.mixed, c.step.headDim);
    return c.codes.bits != 0 ? refuseCodedRows(c.codes, c.step.headDim) : "";
}

} // namespace

std::size_t scratchFloats(const SparqChoice& choice) {
    return selectionFloats(choice.step, choice.approximate, kColumnSpan);
}

std::string refusal(const SparqChoice& choice) {
    const std::string shape = refuseStep(choice.step);
    if (!shape.empty())
        return shape;
    return firstOf(refuseSparq(choice), refuseLogits(choice.step, choice.approximate),
                   refuseChoice(choice.chosen, least(choice.tokens, choice.step.longest)));
}

std::string refusal(const QuestChoice& choice) {
    const std::string shape = refuseStep(choice.step);
    if (!shape.empty())
        return shape;
    return firstOf(
        refuseQuest(choice),
        refuseChoice(choice.chosen, least(std::int64_t{choice.pages} * choice.page, choice.step.longest)));
}

std::size_t scratchFloats(const TopvChoice& choice) {
    return selectionFloats(choice.step, choice.exact, kRowSpan);
}

std::string refusal(const TopvChoice& choice) {
    const std::string shape = refuseStep(choice.step);
    if (!shape.empty())
        return shape;
    return firstOf(refuseTopv(choice), refuseLogits(choice.step, choice.exact),
                   refuseChoice(choice.chosen, least(choice.tokens, choice.step.longest)));
}

} // namespace fovea::cuda
