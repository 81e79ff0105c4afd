// attend.h's steps as launches: checks the limits, and picks the loader of the rows.

#include "core/kernels/cuda/attend.h"

#include <stdexcept>

#include "core/kernels/cuda/mixed_spans.h"
#include "core/kernels/cuda/span_of_step.h"

namespace fovea::cuda {

SpanArguments spanArguments(const AttendAll& step) {
    constexpr double kLog2E = 1.44269504088896340736;
    SpanArguments a{};
    a.q = step.q;
    a.keys = step.keys;
    a.values = step.values;
    a.blocksPerHead = step.blocksPerHead;
    a.slots = step.slots;
    a.sights = step.sights;
    a.positions = step.positions;
    a.logits = step.report.logits;
    a.logitStride = step.report.stride;
    a.tops = step.report.tops;
    a.sums = step.report.sums;
    a.out = step.out;
    if (step.splits > 1) {
        const std::int64_t spans = static_cast<std::int64_t>(step.heads) * step.batch.all * step.splits;
        a.partialOut = step.partials;
        a.partialState = step.partials + spans * step.headDim;
    }
    const double cap = step.softcap;
    a.queryScale = static_cast<float>(cap != 0 ? 2 * step.scale / cap * kLog2E : step.scale * kLog2E);
    a.capScale = static_cast<float>(cap * kLog2E);
    a.owners = step.kvHeads;
    a.group = a.headsPerKvHead = step.heads / step.kvHeads;
    a.headDim = step.headDim;
    a.slotsPerBlock = step.slotsPerBlock;
    a.splits = step.splits;
    a.codes = step.codes;
    a.batch = step.batch;
    return a;
}

namespace {

void launchMixed(const MixedSpan& a, Stream stream) {
    if (a.mixed.kind == MixedKind::Kivi)
        return a.mixed.bits > 3 ? spansOfKivi(a, stream) : spansOfNarrowKivi(a, stream);
    if (a.mixed.kind == MixedKind::Kvquant)
        return a.mixed.bits == 4   ? spansOfKvquant4(a, stream)
               : a.mixed.bits == 3 ? spansOfKvquant3(a, stream)
                                   : spansOfKvquant2(a, stream);
    switch (a.mixed.channels) {
    case 1:
        return spansOfCq1(a, stream);
    case 2:
        return spansOfCq2(a, stream);
    case 4:
        return spansOfCq4(a, stream);
    default:
        return spansOfCq8(a, stream);
    }
}

void launchSpans(const AttendAll& step, const SpanArguments& a, Stream stream) {
    if (step.mixed.any())
        return launchMixed({a, step.mixed, step.type}, stream);
    switch (step.codes.bits) {
    case 8:
        return spansOfCodes8(a, stream);
    case 4:
        return spansOfCodes4(a, stream);
    case 3:
        return spansOfCodes3(a, stream);
    case 2:
        return spansOfCodes2(a, stream);
    default:
        break;
    }
    switch (step.type) {
    case ElementType::F32:
        return spansOfF32(a, stream);
    case ElementType::F16:
        return spansOfF16(a, stream);
    case ElementType::BF16:
        return spansOfBF16(a, stream);
    }
}

void attend(const AttendAll& step, const SpanArguments& a, Stream stream) {
    launchSpans(step, a, stream);
    if (step.splits > 1)
        joinSpans(a, stream);
}

void listSlots(const AttendAll& step, const SlotLists& lists, SpanArguments& a) {
    a.list = lists.slots;
    a.listed = lists.counts;
    a.listStride = lists.stride;
    if (lists.perQueryHead) {
        a.owners = step.heads;
        a.group = 1;
    }
}

} // namespace

void attendAll(const AttendAll& step, Stream stream) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
    attend(step, spanArguments(step), stream);
}

void attendList(const AttendAll& step, const SlotLists& lists, const MeanValue& mean, Stream stream) {
    if (const std::string why = refusal(step, lists, mean); !why.empty())
        throw std::invalid_argument(why);
    SpanArguments a = spanArguments(step);
    listSlots(step, lists, a);
    a.alphas = mean.alphas;
    a.valueSums = mean.sums;
    a.meanTokens = mean.tokens;
    a.sumsPerHead = mean.perQueryHead;
    attend(step, a, stream);
}

void addListedValues(const AttendAll& step, const SlotLists& lists, const KnownLogits& known, Stream stream) {
    if (const std::string why = refusal(step, lists, known); !why.empty())
        throw std::invalid_argument(why);
    SpanArguments a = spanArguments(step);
    listSlots(step, lists, a);
    a.sights = nullptr;
    a.known = known.logits;
    a.knownStride = known.stride;
    a.knownTops = known.tops;
    a.knownSums = known.sums;
    attend(step, a, stream);
}

} // namespace fovea::cuda
