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

void DeviceReads::begin(std::span<const std::int64_t> longest, int turns, bool planned, bool tells) {
    m_longestOf.assign(longest.begin(), longest.end());
    const std::int64_t H = m_spec.queryHeads, G = m_spec.kvHeads, n = texts();
    m_reads = m_spec.layers * n;
    m_longest = roomFor(*std::max_element(longest.begin(), longest.end()));
    m_stride = roundedUp(m_longest, kLogitsApart);
    m_planned = planned;
    m_tells = tells;
    m_most = planned ? mostChosen(m_longest) : 0;
    // What nobody is told of need not outlive its layer.
    const std::int64_t parts = tells ? m_reads : n;
    const bool chooses = m_most > 0;
    if (tells || chooses) {
        m_logits.atLeast(parts * H * m_stride);
        m_tops.atLeast(parts * H);
        m_sums.atLeast(parts * H);
    }
    if (chooses) {
        m_slots.atLeast((fetchesLists() ? m_reads : n) * G * m_most);
        m_counts.atLeast((fetchesLists() ? m_reads : n) * G);
        m_alphas.atLeast(parts * H);
        m_scratch.atLeast(scratchNeeded());
    }
    if (tells && chooses && !tellsGuess()) {
        m_listedLogits.atLeast(parts * H * m_most);
        m_listedTops.atLeast(parts * H);
        m_listedSums.atLeast(parts * H);
    }
    if (const auto* sparq = std::get_if<SparqParams>(&m_plan.read); sparq && planned) {
        m_components.atLeast(n * G * sparq->components);
        m_taus.atLeast(n * H);
        m_seenTokens.atLeast(n * H);
    }
    if (turns > 0) {
        m_turnedQueries.atLeast(turns * H * m_spec.headDim);
        m_turnedScratch.atLeast(2 * H);
    }
    if (std::holds_alternative<TopvParams>(m_plan.read) && planned)
        m_weights.atLeast(n * H * m_most);
    if (const auto* quest = std::get_if<QuestParams>(&m_plan.read); quest && planned) {
        m_pageStride = (m_longest + quest->page - 1) / quest->page;
        m_pageScores.atLeast(n * G * m_pageStride);
        m_chosenPages.atLeast(m_reads * G * quest->pages);
        m_pageCounts.atLeast(m_reads * G);
    }
    cuda::AttendAll widest = shape();
    widest.batch.all = static_cast<int>(n);
    widest.splits = cuda::splitsFor(widest, m_longest, m_multiprocessors);
    m_partials.atLeast(static_cast<std::int64_t>(cuda::partialFloats(widest)));
}

std::int64_t DeviceReads::scratchNeeded() const {
    if (std::holds_alternative<QuestParams>(m_plan.read))
        return 0;
    cuda::ReadStep step = readStepOf(shape(), m_longest);
    step.batch.all = static_cast<int>(texts());
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

std::int64_t DeviceReads::partOf(const Launch& launch) const {
    return m_tells ? indexOf(launch) : launch.text();
}

cuda::ReadLogits DeviceReads::logitsOf(const Launch& launch) const {
    const std::int64_t H = m_spec.queryHeads, part = partOf(launch);
    return {m_logits.data() + part * H * m_stride, m_stride, m_tops.data() + part * H,
            m_sums.data() + part * H};
}

cuda::ReadChoice DeviceReads::choiceOf(const Launch& launch) const {
    const std::int64_t G = m_spec.kvHeads, part = fetchesLists() ? indexOf(launch) : launch.text();
    return {m_most, m_slots.data() + part * G * m_most, m_counts.data() + part * G};
}

cuda::LogitReport DeviceReads::listedReportOf(const Launch& launch) const {
    if (!m_tells || tellsGuess())
        return {};
    const std::int64_t H = m_spec.queryHeads, index = indexOf(launch);
    return {m_listedLogits.data() + index * H * m_most, m_most, m_listedTops.data() + index * H,
            m_listedSums.data() + index * H};
}

// --- Launches ----------------------------------------------------------------------------------------------

std::int64_t DeviceReads::room(const DeviceRead& read) {
    return roomFor(*std::max_element(read.slots.begin(), read.slots.end()));
}

int DeviceReads::splits(const DeviceRead& read) const {
    const bool all = kindOf(read.layer, read.planned) == Kind::All;
    const std::int64_t longest =
        all ? room(read) : mostChosen(roomFor(m_longestOf[static_cast<std::size_t>(read.text)]));
    return cuda::splitsFor(shape(), longest, m_multiprocessors);
}

// Turned queries are of one text. In what order slots lie only those ask who look for the newest.
bool DeviceReads::goTogether(const DeviceRead& a, const DeviceRead& b) const {
    const Kind kind = kindOf(a.layer, a.planned);
    const bool asksOrder = kind == Kind::Sparq || kind == Kind::Quest;
    return a.rows->liesAs(*b.rows) && !a.sights == !b.sights && a.turns.count == 0 && b.turns.count == 0 &&
           (!asksOrder || a.inOrder == b.inOrder);
}

std::int64_t DeviceReads::mostTogether() const {
    constexpr std::int64_t kMostHeads = 65535; // of a grid
    return std::max<std::int64_t>(1, kMostHeads / m_spec.kvHeads);
}

cuda::AttendAll DeviceReads::shape() const {
    cuda::AttendAll step;
    step.heads = m_spec.queryHeads;
    step.kvHeads = m_spec.kvHeads;
    step.headDim = m_spec.headDim;
    step.scale = static_cast<float>(m_spec.logitRule().scaleOf(m_spec.headDim));
    step.softcap = m_spec.attentionSoftcap;
    return step;
}

cuda::AttendAll DeviceReads::stepOf(const Launch& launch) {
    const DeviceRead& read = launch.read;
    const cuda::CacheBlocks rows = read.rows->blocks(read.layer);
    const std::int64_t H = m_spec.queryHeads, row = launch.text() * H * m_spec.headDim;
    cuda::AttendAll step = shape();
    step.q = read.q + row;
    step.out = read.out + row;
    step.type = rows.type;
    step.codes = rows.codes;
    step.mixed = rows.mixed;
    step.slotsPerBlock = rows.slotsPerBlock;
    step.keys = rows.keys;
    step.values = rows.values;
    step.blocksPerHead = rows.blocksPerHead;
    step.slots = rows.slots.live;
    if (read.sights) {
        step.sights = read.sights + launch.text() * H;
        step.positions = read.rows->positionRows(read.layer);
    }
    step.batch = launch.batch;
    step.splits = launch.splits;
    step.partials = m_partials.data();
    return step;
}

cuda::ReadStep DeviceReads::readStepOf(const cuda::AttendAll& step, std::int64_t longest) const {
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
    of.longest = longest;
    of.sights = step.sights;
    of.positions = step.positions;
    of.batch = step.batch;
    return of;
}

void DeviceReads::attend(std::span<const DeviceRead> reads, const cuda::TextBatch& batch, int splits,
                         cuda::Stream stream) {
    std::int64_t longest = 0;
    for (const DeviceRead& read : reads)
        longest = std::max(longest, room(read));
    const Launch launch = {reads.front(), batch, splits, longest};
    switch (kindOf(launch.read.layer, launch.read.planned)) {
    case Kind::All:
        return attendAll(launch, stream);
    case Kind::Sparq:
        return attendSparq(launch, stream);
    case Kind::Quest:
        return attendQuest(launch, stream);
    case Kind::Topv:
        return attendTopv(launch, stream);
    }
}

void DeviceReads::attendAll(const Launch& launch, cuda::Stream stream) {
    cuda::AttendAll step = stepOf(launch);
    if (m_tells) {
        const cuda::ReadLogits logits = logitsOf(launch);
        step.report = {logits.logits, logits.stride, logits.tops, logits.sums};
    }
    if (launch.read.turns.count > 0)
        cuda::attendAll(step, turn(launch, stream), stream);
    else
        cuda::attendAll(step, stream);
}

// The queries that meet some slots at another distance than their own.
cuda::TurnedSlots DeviceReads::turn(const Launch& launch, cuda::Stream stream) {
    const DeviceTurns& turns = launch.read.turns;
    const std::int64_t row = std::int64_t{m_spec.queryHeads} * m_spec.headDim;
    float* const queries = m_turnedQueries.data();
    for (int i = 0; i < turns.count; ++i)
        cuda::copy(queries + i * row, launch.read.q + launch.text() * row,
                   static_cast<std::size_t>(row) * sizeof(float), stream);
    if (turns.pairs > 0)
        cuda::rope({queries, m_spec.queryHeads, m_spec.headDim, turns.pairs, turns.cosines, turns.sines,
                    turns.count},
                   stream);
    return {turns.slots, turns.count, queries, m_turnedScratch.data()};
}

void DeviceReads::attendSparq(const Launch& launch, cuda::Stream stream) {
    const auto& params = std::get<SparqParams>(m_plan.read);
    const DeviceRead& read = launch.read;
    const cuda::CacheBlocks rows = read.rows->blocks(read.layer);
    cuda::AttendAll step = stepOf(launch);
    cuda::SparqChoice choice;
    choice.step = readStepOf(step, launch.longest);
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
    choice.approximate = logitsOf(launch);
    choice.chosen = choiceOf(launch);
    choice.alphas = m_alphas.data() + partOf(launch) * m_spec.queryHeads;
    choice.seenTokens = read.sights ? m_seenTokens.data() : nullptr;
    choice.scratch = m_scratch.data();
    cuda::chooseSparq(choice, stream);

    step.report = listedReportOf(launch);
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

void DeviceReads::attendQuest(const Launch& launch, cuda::Stream stream) {
    const auto& params = std::get<QuestParams>(m_plan.read);
    const DeviceRead& read = launch.read;
    const cuda::CacheBlocks rows = read.rows->blocks(read.layer);
    cuda::AttendAll step = stepOf(launch);
    cuda::QuestChoice choice;
    choice.step = readStepOf(step, launch.longest);
    choice.step.blocksPerHead = rows.boundBlocksPerHead;
    choice.page = params.page;
    choice.pages = params.pages;
    choice.pagesPerBlock = rows.pagesPerBlock;
    choice.bounds = rows.bounds;
    choice.byAge = read.inOrder ? nullptr : rows.slots.byAge;
    choice.ageStride = rows.slots.capacity;
    choice.scores = m_pageScores.data();
    choice.stride = m_pageStride;
    choice.chosenPages = m_chosenPages.data() + indexOf(launch) * m_spec.kvHeads * params.pages;
    choice.pageCounts = m_pageCounts.data() + indexOf(launch) * m_spec.kvHeads;
    choice.chosen = choiceOf(launch);
    cuda::chooseQuest(choice, stream);

    step.report = listedReportOf(launch);
    cuda::attendList(step, {choice.chosen.slots, choice.chosen.counts, m_most, false}, {}, stream);
}

void DeviceReads::attendTopv(const Launch& launch, cuda::Stream stream) {
    const auto& params = std::get<TopvParams>(m_plan.read);
    cuda::AttendAll step = stepOf(launch);
    cuda::TopvChoice choice;
    choice.step = readStepOf(step, launch.longest);
    choice.tokens = params.tokens;
    choice.codes = step.codes;
    choice.mixed = step.mixed;
    choice.keys = step.keys;
    if (launch.read.turns.count > 0)
        choice.turned = turn(launch, stream);
    choice.exact = logitsOf(launch);
    choice.chosen = choiceOf(launch);
    choice.weights = m_weights.data();
    choice.kept = m_alphas.data() + partOf(launch) * m_spec.queryHeads;
    choice.scratch = m_scratch.data();
    cuda::chooseTopv(choice, stream);

    cuda::KnownLogits known{choice.exact.logits, choice.exact.stride, choice.exact.tops, choice.exact.sums};
    if (params.renormalise)
        known.tops = known.sums = nullptr;
    cuda::addListedValues(step, {choice.chosen.slots, choice.chosen.counts, m_most, false}, known, stream);
}

} // namespace fovea
