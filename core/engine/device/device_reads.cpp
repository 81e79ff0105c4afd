#include "core/engine/device/device_reads.h"

#include <algorithm>
#include <bit>
#include <variant>

#include "core/kernels/cuda/model_kernels.h"
#include "core/methods/keep/keep_rule.h"
#include "core/methods/read/sparq.h"
#include "core/methods/store/store.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

constexpr std::int64_t kLogitsApart = 4; // rows of logits begin at 16 bytes

// A launch is the same for all lengths up to this, so that one graph (cuda::LaunchGraph) serves many steps. An eighth of the
// length, or 256 slots, are too many at most; kernels ask the device how many there are.
std::int64_t roomFor(std::int64_t slots) {
    constexpr std::int64_t kLeast = 256;
    const auto eighth = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(slots)) / 8);
    const std::int64_t multiple = std::max(kLeast, eighth);
    return (slots + multiple - 1) / multiple * multiple;
}

std::int64_t roundedUp(std::int64_t n, std::int64_t multiple) {
    return (n + multiple - 1) / multiple * multiple;
}

} // namespace

DeviceReads::DeviceReads(const AttentionPlan& plan, const ModelSpec& spec)
    : m_plan(plan), m_spec(spec), m_codes(storedCodes(plan.store)),
      m_mixed(mixedStore(plan.store, spec.headDim).has_value()),
      m_valueSums(valueSumsPerHead(plan, spec.group())), m_multiprocessors(cuda::multiprocessors()) {}

DeviceReads::Kind DeviceReads::kindOf(int layer, bool planned) const {
    if (!planned)
        return Kind::All;
    if (std::holds_alternative<SparqParams>(m_plan.read))
        return Kind::Sparq;
    if (const auto* quest = std::get_if<QuestParams>(&m_plan.read))
        return layer >= quest->skip ? Kind::Quest : Kind::All;
    return std::holds_alternative<TopvParams>(m_plan.read) ? Kind::Topv : Kind::All;
}

// Slots of the fullest KV head that the plan's read takes at most.
std::int64_t DeviceReads::mostChosen(std::int64_t longest) const {
    if (const auto* sparq = std::get_if<SparqParams>(&m_plan.read))
        return std::min<std::int64_t>(sparq->tokens, longest);
    if (const auto* quest = std::get_if<QuestParams>(&m_plan.read))
        return std::min(std::int64_t{quest->pages} * quest->page, longest);
    if (const auto* topv = std::get_if<TopvParams>(&m_plan.read))
        return std::min<std::int64_t>(topv->tokens, longest);
    return 0;
}

// Is the keep told what SparQ guessed of all slots, instead of what was read?
bool DeviceReads::tellsGuess() const {
    return std::holds_alternative<SparqParams>(m_plan.read) &&
           m_plan.feedback == AttentionPlan::Feedback::Estimate;
}

// --- Room --------------------------------------------------------------------------------------------------

void DeviceReads::begin(std::int64_t reads, std::int64_t longest, int turns, bool planned, bool tells) {
    const std::int64_t H = m_spec.queryHeads, G = m_spec.kvHeads;
    m_reads = reads;
    m_longest = roomFor(longest);
    m_stride = roundedUp(m_longest, kLogitsApart);
    m_planned = planned;
    m_tells = tells;
    m_most = planned ? mostChosen(m_longest) : 0;
    // What nobody is told of need not outlive its read.
    const std::int64_t parts = tells ? reads : 1;
    const bool chooses = m_most > 0;
    if (tells || chooses) {
        m_logits.atLeast(parts * H * m_stride);
        m_tops.atLeast(parts * H);
        m_sums.atLeast(parts * H);
    }
    if (chooses) {
        m_slots.atLeast((fetchesLists() ? reads : 1) * G * m_most);
        m_counts.atLeast((fetchesLists() ? reads : 1) * G);
        m_alphas.atLeast(parts * H);
        m_scratch.atLeast(scratchNeeded());
    }
    if (tells && chooses && !tellsGuess()) {
        m_listedLogits.atLeast(parts * H * m_most);
        m_listedTops.atLeast(parts * H);
        m_listedSums.atLeast(parts * H);
    }
    if (const auto* sparq = std::get_if<SparqParams>(&m_plan.read); sparq && planned) {
        m_components.atLeast(G * sparq->components);
        m_taus.atLeast(H);
        m_seenTokens.atLeast(H);
    }
    if (turns > 0) {
        m_turnedQueries.atLeast(turns * H * m_spec.headDim);
        m_turnedScratch.atLeast(2 * H);
    }
    if (std::holds_alternative<TopvParams>(m_plan.read) && planned)
        m_weights.atLeast(H * m_most);
    if (const auto* quest = std::get_if<QuestParams>(&m_plan.read); quest && planned) {
        m_pageStride = (m_longest + quest->page - 1) / quest->page;
        m_pageScores.atLeast(G * m_pageStride);
        m_chosenPages.atLeast(reads * G * quest->pages);
        m_pageCounts.atLeast(reads * G);
    }
    cuda::AttendAll widest = stepOf({});
    split(widest, m_longest);
}

std::int64_t DeviceReads::scratchNeeded() const {
    if (std::holds_alternative<QuestParams>(m_plan.read))
        return 0;
    const cuda::ReadStep step = readStepOf(stepOf({}), {});
    if (std::holds_alternative<SparqParams>(m_plan.read)) {
        cuda::SparqChoice choice;
        choice.step = step;
        choice.approximate.stride = m_stride;
        return static_cast<std::int64_t>(cuda::scratchFloats(choice));
    }
    cuda::TopvChoice choice;
    choice.step = step;
    choice.exact.stride = m_stride;
    return static_cast<std::int64_t>(cuda::scratchFloats(choice));
}

std::int64_t DeviceReads::partOf(std::int64_t index) const {
    return m_tells ? index : 0;
}

cuda::ReadLogits DeviceReads::logitsOf(std::int64_t index) const {
    const std::int64_t H = m_spec.queryHeads, part = partOf(index);
    return {m_logits.data() + part * H * m_stride, m_stride, m_tops.data() + part * H,
            m_sums.data() + part * H};
}

cuda::ReadChoice DeviceReads::choiceOf(std::int64_t index) const {
    const std::int64_t G = m_spec.kvHeads, part = fetchesLists() ? index : 0;
    return {m_most, m_slots.data() + part * G * m_most, m_counts.data() + part * G};
}

cuda::LogitReport DeviceReads::listedReportOf(std::int64_t index) const {
    if (!m_tells || tellsGuess())
        return {};
    const std::int64_t H = m_spec.queryHeads;
    return {m_listedLogits.data() + index * H * m_most, m_most, m_listedTops.data() + index * H,
            m_listedSums.data() + index * H};
}

// --- Launches ----------------------------------------------------------------------------------------------

// Of rows that nobody knows yet only the shape.
cuda::AttendAll DeviceReads::stepOf(const DeviceRead& read) const {
    cuda::AttendAll step;
    step.heads = m_spec.queryHeads;
    step.kvHeads = m_spec.kvHeads;
    step.headDim = m_spec.headDim;
    step.scale = static_cast<float>(m_spec.logitRule().scaleOf(m_spec.headDim));
    step.softcap = m_spec.attentionSoftcap;
    step.q = read.q;
    step.out = read.out;
    if (!read.rows)
        return step;
    const cuda::CacheBlocks rows = read.rows->blocks(read.layer);
    step.type = rows.type;
    step.codes = rows.codes;
    step.mixed = rows.mixed;
    step.slotsPerBlock = rows.slotsPerBlock;
    step.keys = rows.keys;
    step.values = rows.values;
    step.blocksPerHead = rows.blocksPerHead;
    step.slots = rows.slots.live;
    if (read.sights) {
        step.sights = read.sights;
        step.positions = read.rows->positionRows(read.layer);
    }
    return step;
}

cuda::ReadStep DeviceReads::readStepOf(const cuda::AttendAll& step, const DeviceRead& read) const {
    cuda::ReadStep of;
    of.type = step.type;
    of.heads = step.heads;
    of.kvHeads = step.kvHeads;
    of.headDim = step.headDim;
    of.slotsPerBlock = step.slotsPerBlock;
    of.scale = step.scale;
    of.softcap = step.softcap;
    of.q = step.q;
    of.blocksPerHead = step.blocksPerHead;
    of.slots = step.slots;
    of.longest = read.slots.empty() ? m_longest : room(read);
    of.sights = step.sights;
    of.positions = step.positions;
    return of;
}

void DeviceReads::split(cuda::AttendAll& step, std::int64_t longest) {
    step.splits = cuda::splitsFor(step, longest, m_multiprocessors);
    step.partials = m_partials.atLeast(static_cast<std::int64_t>(cuda::partialFloats(step)));
}

std::int64_t DeviceReads::room(const DeviceRead& read) {
    return roomFor(*std::max_element(read.slots.begin(), read.slots.end()));
}

void DeviceReads::attend(std::int64_t index, const DeviceRead& read, cuda::Stream stream) {
    switch (kindOf(read.layer, read.planned)) {
    case Kind::All:
        return attendAll(index, read, stream);
    case Kind::Sparq:
        return attendSparq(index, read, stream);
    case Kind::Quest:
        return attendQuest(index, read, stream);
    case Kind::Topv:
        return attendTopv(index, read, stream);
    }
}

void DeviceReads::attendAll(std::int64_t index, const DeviceRead& read, cuda::Stream stream) {
    cuda::AttendAll step = stepOf(read);
    split(step, room(read));
    if (m_tells) {
        const cuda::ReadLogits logits = logitsOf(index);
        step.report = {logits.logits, logits.stride, logits.tops, logits.sums};
    }
    if (read.turns.count > 0)
        cuda::attendAll(step, turn(read, stream), stream);
    else
        cuda::attendAll(step, stream);
}

// The queries that meet some slots at another distance than their own.
cuda::TurnedSlots DeviceReads::turn(const DeviceRead& read, cuda::Stream stream) {
    const std::int64_t row = std::int64_t{m_spec.queryHeads} * m_spec.headDim;
    float* const queries = m_turnedQueries.data();
    for (int i = 0; i < read.turns.count; ++i)
        cuda::copy(queries + i * row, read.q, static_cast<std::size_t>(row) * sizeof(float), stream);
    if (read.turns.pairs > 0)
        cuda::rope({queries, m_spec.queryHeads, m_spec.headDim, read.turns.pairs, read.turns.cosines,
                    read.turns.sines, read.turns.count},
                   stream);
    return {read.turns.slots, read.turns.count, queries, m_turnedScratch.data()};
}

void DeviceReads::attendSparq(std::int64_t index, const DeviceRead& read, cuda::Stream stream) {
    const auto& params = std::get<SparqParams>(m_plan.read);
    const cuda::CacheBlocks rows = read.rows->blocks(read.layer);
    cuda::AttendAll step = stepOf(read);
    cuda::SparqChoice choice;
    choice.step = readStepOf(step, read);
    choice.components = params.components;
    choice.tokens = params.tokens;
    choice.local = params.localTokens();
    choice.alpha = params.alpha;
    choice.tau = params.tau;
    choice.sumLogits = params.select == SparqParams::Select::Logits;
    choice.keyColumns = rows.keyColumns;
    choice.byAge = read.inOrder ? nullptr : rows.slots.byAge;
    choice.ageStride = rows.slots.capacity;
    choice.chosenComponents = m_components.data();
    choice.taus = m_taus.data();
    choice.approximate = logitsOf(index);
    choice.chosen = choiceOf(index);
    choice.alphas = m_alphas.data() + partOf(index) * m_spec.queryHeads;
    choice.seenTokens = read.sights ? m_seenTokens.data() : nullptr;
    choice.scratch = m_scratch.data();
    cuda::chooseSparq(choice, stream);

    split(step, m_most);
    step.report = listedReportOf(index);
    const cuda::SlotLists lists{choice.chosen.slots, choice.chosen.counts, m_most, false};
    cuda::MeanValue mean;
    if (params.alpha) {
        mean.alphas = choice.alphas;
        mean.sums = rows.valueSums;
        mean.tokens = choice.seenTokens;
        mean.perQueryHead = rows.sums > 1;
    }
    cuda::attendList(step, lists, mean, stream);
}

void DeviceReads::attendQuest(std::int64_t index, const DeviceRead& read, cuda::Stream stream) {
    const auto& params = std::get<QuestParams>(m_plan.read);
    const cuda::CacheBlocks rows = read.rows->blocks(read.layer);
    cuda::AttendAll step = stepOf(read);
    cuda::QuestChoice choice;
    choice.step = readStepOf(step, read);
    choice.step.blocksPerHead = rows.boundBlocksPerHead;
    choice.page = params.page;
    choice.pages = params.pages;
    choice.pagesPerBlock = rows.pagesPerBlock;
    choice.bounds = rows.bounds;
    choice.byAge = read.inOrder ? nullptr : rows.slots.byAge;
    choice.ageStride = rows.slots.capacity;
    choice.scores = m_pageScores.data();
    choice.stride = m_pageStride;
    choice.chosenPages = m_chosenPages.data() + index * m_spec.kvHeads * params.pages;
    choice.pageCounts = m_pageCounts.data() + index * m_spec.kvHeads;
    choice.chosen = choiceOf(index);
    cuda::chooseQuest(choice, stream);

    split(step, m_most);
    step.report = listedReportOf(index);
    cuda::attendList(step, {choice.chosen.slots, choice.chosen.counts, m_most, false}, {}, stream);
}

void DeviceReads::attendTopv(std::int64_t index, const DeviceRead& read, cuda::Stream stream) {
    const auto& params = std::get<TopvParams>(m_plan.read);
    cuda::AttendAll step = stepOf(read);
    cuda::TopvChoice choice;
    choice.step = readStepOf(step, read);
    choice.tokens = params.tokens;
    choice.codes = step.codes;
    choice.mixed = step.mixed;
    choice.keys = step.keys;
    if (read.turns.count > 0)
        choice.turned = turn(read, stream);
    choice.exact = logitsOf(index);
    choice.chosen = choiceOf(index);
    choice.weights = m_weights.data();
    choice.kept = m_alphas.data() + partOf(index) * m_spec.queryHeads;
    choice.scratch = m_scratch.data();
    cuda::chooseTopv(choice, stream);

    split(step, m_most);
    cuda::KnownLogits known{choice.exact.logits, choice.exact.stride, choice.exact.tops, choice.exact.sums};
    if (params.renormalise)
        known.tops = known.sums = nullptr;
    cuda::addListedValues(step, {choice.chosen.slots, choice.chosen.counts, m_most, false}, known, stream);
}

} // namespace fovea
