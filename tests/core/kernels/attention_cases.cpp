#include "tests/core/kernels/attention_cases.h"

#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <random>

#include "core/cache/cache_view_reader.h"
#include "core/engine/eviction.h"
#include "core/kernels/cpu/attend_quest.h"
#include "core/kernels/cpu/attend_topv.h"
#include "core/kernels/cpu/group_weights.h"
#include "core/methods/keep/moa.h"
#include "core/methods/predict.h"
#include "core/model/model_spec.h"
#include "tests/core/kernels/kv_blocks.h"

namespace fovea::test {

namespace {

using Sight = AttentionCase::Sight;

struct Heads {
    int query, kv;
};
constexpr Heads kHeads[] = {{2, 2}, {4, 2}, {4, 1}, {8, 2}, {8, 1}, {3, 1}};
constexpr int kWidths[] = {32, 64, 80, 96, 128, 256};
constexpr std::int64_t kLengths[] = {1, 2, 3, 15, 17, 63, 255, 257, 1023, 1025, 4097, 8191};
constexpr int kGroups[] = {32, 64, 128, 256};
constexpr ElementType kTypes[] = {ElementType::F32, ElementType::F16, ElementType::BF16};

// The same in every run and on every machine.
class Picks {
public:
    int below(int n) { return static_cast<int>(m_random() % static_cast<unsigned>(n)); }
    template <class T, std::size_t N>
    T of(const T (&choices)[N]) {
        return choices[below(static_cast<int>(N))];
    }

private:
    std::mt19937 m_random{20};
};

Read readOf(int method, int d, std::int64_t S, Picks& picks) {
    const int most[] = {1, 5, 40, static_cast<int>(S / 2 + 1), static_cast<int>(S + 3)};
    if (method == 1) {
        SparqParams p{.components = 1 + picks.below(d), .tokens = picks.of(most)};
        if (picks.below(2))
            p.local = picks.below(p.tokens + 1);
        p.alpha = picks.below(2) == 1;
        p.tau = picks.below(2) == 1;
        p.select = picks.below(3) ? SparqParams::Select::Softmax : SparqParams::Select::Logits;
        return p;
    }
    if (method == 2)
        return TopvParams{.tokens = picks.of(most), .renormalise = picks.below(2) == 1};
    if (method == 3)
        return QuestParams{.page = picks.of({1, 7, 16, 40}), .pages = picks.of({1, 2, 5, 300}), .skip = 0};
    return ReadAll{};
}

// Spans as any plan file may have them, shorter and longer than the text.
Keep spansOf(int queryHeads, std::int64_t S, Picks& picks) {
    MoaSpans spans{.layers = 1, .heads = queryHeads, .spans = {}};
    for (int h = 0; h < queryHeads; ++h)
        spans.spans.push_back({static_cast<double>(1 + picks.below(static_cast<int>(S + S / 4 + 2))), 0});
    MoaParams moa;
    moa.spans = std::make_shared<const MoaSpans>(std::move(spans));
    moa.sinks = picks.below(4);
    moa.block = moa.minimum = 1;
    return moa;
}

Keep keepOf(const AttentionCase& c, std::int64_t S, Picks& picks) {
    switch (c.sight) {
    case Sight::Lived:
        return StreamingParams{.sinks = picks.below(4), .window = static_cast<int>(1 + S / 2)};
    case Sight::Spans:
    case Sight::Borrowed:
        return spansOf(c.queryHeads, S, picks);
    case Sight::Turned:
        return LmInfiniteParams{.sinks = 3, .window = static_cast<int>(1 + S / 3)};
    default:
        return KeepAll{};
    }
}

// One of which rows are exact for a while.
Store mixedStoreOf(const AttentionCase& c, Picks& picks) {
    const auto* sparq = std::get_if<SparqParams>(&c.plan.read);
    const bool summedApart = sparq && sparq->alpha && valueSumsPerHead(c.plan, c.group()) > 1;
    switch (summedApart ? 1 : picks.below(3)) {
    case 0: {
        const int group = picks.of({32, 64});
        return KiviParams{.bits = picks.of(kRtnBits), .group = group, .residual = group * picks.of({1, 2, 3})};
    }
    case 1:
        return KvquantParams{.bits = picks.of({4, 3, 2}), .outliers = picks.of({0., .01, .1}), .exact = picks.below(4)};
    default:
        int channels = picks.of({1, 2, 4, 8});
        while (c.headDim % channels != 0)
            channels /= 2;
        return CqParams{.channels = channels, .bits = picks.of({1, 3, 6}), .recent = summedApart ? 0 : picks.of({0, 5, 40})};
    }
}

// Floats as often as codes.
Store storeOf(const AttentionCase& c, Picks& picks) {
    if (const int kind = picks.below(4); kind < 2)
        return kind == 0 ? Store(OwnStore{}) : mixedStoreOf(c, picks);
    RtnParams rtn{.bits = picks.of(kRtnBits), .group = picks.of(kGroups)};
    if (picks.below(3) == 0)
        rtn.mode = RtnParams::Mode::Symmetric;
    else if (picks.below(2) == 0)
        rtn.zero = RtnParams::Zero::Free;
    return rtn;
}

// Which of the sights go with a read. A borrowed cache has its owner's sums, and pages that nobody of this layer sees.
bool together(Sight sight, Read& read) {
    if (sight == Sight::Borrowed && std::holds_alternative<SparqParams>(read))
        std::get<SparqParams>(read).alpha = false;
    if (sight == Sight::Borrowed)
        return !std::holds_alternative<QuestParams>(read);
    return sight != Sight::Turned || std::holds_alternative<ReadAll>(read) || std::holds_alternative<TopvParams>(read);
}

void finish(AttentionCase& c, int method, std::int64_t S, Picks& picks) {
    c.plan.read = readOf(method, c.headDim, S, picks);
    if (!together(c.sight, c.plan.read))
        c.sight = Sight::Spans;
    c.plan.keep = keepOf(c, S, picks);
    c.plan.store = storeOf(c, picks);
    c.lengths = {S};
    const int batch = c.sight == Sight::Turned ? 1 : 1 + picks.below(4); // a turn is of one position
    while (std::ssize(c.lengths) < batch)
        c.lengths.push_back(1 + picks.below(static_cast<int>(std::min<std::int64_t>(S, 300))));
}

} // namespace

std::string AttentionCase::text() const {
    std::string of = toTitle(plan) + ", H=" + std::to_string(queryHeads) + " G=" + std::to_string(kvHeads) +
                     " d=" + std::to_string(headDim) + " " + std::string(elementName(type)) + " sight " +
                     std::to_string(static_cast<int>(sight)) + " blocks of " + std::to_string(slotsPerBlock) + ", S";
    for (const std::int64_t length : lengths)
        of += ' ' + std::to_string(length);
    return of + (keys == Keys::Equal ? ", equal keys" : "");
}

std::vector<AttentionCase> attentionCases() {
    Picks picks;
    std::vector<AttentionCase> cases;
    for (int method = 0; method < 4; ++method) {
        int i = method;
        for (const std::int64_t S : kLengths)
            for (const int d : kWidths) {
                AttentionCase c;
                const Heads heads = S > 2000 ? kHeads[1 + i % 2] : picks.of(kHeads);
                c.queryHeads = heads.query, c.kvHeads = heads.kv, c.headDim = d;
                c.type = kTypes[picks.below(3)];
                c.sight = static_cast<Sight>(i++ % AttentionCase::kSights);
                c.keys = picks.below(9) == 0 ? AttentionCase::Keys::Equal : AttentionCase::Keys::Random;
                c.slotsPerBlock = picks.of({64, 256, 256, 2048});
                finish(c, method, S, picks);
                cases.push_back(std::move(c));
            }
        // Widths that no vector divides, groups beyond a tile's heads, blocks of any size, and nothing but sinks left.
        for (int odd = 0; odd < 24; ++odd) {
            AttentionCase c;
            c.headDim = picks.of({1, 5, 8, 10, 12, 16, 24, 40});
            c.queryHeads = picks.of({1, 7, 16, 33, 70, 100});
            c.type = kTypes[odd % 3];
            c.sight = static_cast<Sight>(odd % AttentionCase::kSights);
            c.slotsPerBlock = picks.of({1, 7, 48, 1500});
            if (c.sight == Sight::Turned && c.headDim % 2 == 1)
                ++c.headDim; // RoPE turns pairs
            finish(c, method, 30 + 40 * odd, picks);
            if (c.sight == Sight::Lived)
                c.plan.keep = StreamingParams{.sinks = 3, .window = 0};
            cases.push_back(std::move(c));
        }
    }
    return cases;
}

namespace {

// Every other case's, of stores whose keys are coded before RoPE; but what is turned by position is not alike.
std::shared_ptr<const PositionTurn> turnOf(const AttentionCase& c, std::uint32_t seed) {
    if (seed % 2 == 0 || c.headDim % 2 == 1 || c.keys == AttentionCase::Keys::Equal)
        return nullptr;
    ModelSpec spec;
    spec.layers = 1, spec.queryHeads = c.queryHeads, spec.kvHeads = c.kvHeads, spec.headDim = c.headDim;
    spec.context = static_cast<int>(c.lengths.front());
    return std::make_shared<PositionTurn>(spec, 0);
}

} // namespace

AttentionCaseState::AttentionCaseState(const AttentionCase& what, std::uint32_t seed)
    : m_case(what), m_keep(what.plan, 0, 0, true, what.queryHeads, what.kvHeads),
      m_held(what.sight == Sight::Borrowed ? AttentionPlan{} : what.plan, 0, 0, true, what.queryHeads, what.kvHeads),
      m_codecs(someCodecs(what.plan.store, what.kvHeads, what.headDim, turnOf(what, seed))) {
    static const std::vector<float> numbers = normals(1 << 22, 1);
    const auto from = [&](std::size_t n) { // a stretch of them, another for each seed
        return numbers.data() + seed * 7919u % (numbers.size() - n);
    };
    const auto* sparq = std::get_if<SparqParams>(&what.plan.read);
    const auto* quest = std::get_if<QuestParams>(&what.plan.read);
    for (const std::int64_t tokens : what.lengths) {
        m_caches.push_back(std::make_unique<KvCache>(
            CacheLayout{.layers = 1,
                        .kvHeads = what.kvHeads,
                        .headDim = what.headDim,
                        .type = what.type,
                        .codes = storedCodes(what.plan.store),
                        .mixed = mixedStore(what.plan.store, what.headDim),
                        .keyColumns = sparq != nullptr,
                        .valueSum = sparq && sparq->alpha,
                        .valueSums = valueSumsPerHead(what.plan, what.group()),
                        .slotsPerBlock = what.slotsPerBlock,
                        .page = quest ? quest->page : 0,
                        .codecs = m_codecs}));
        seed += 31;
        fill(*m_caches.back(), tokens, from(static_cast<std::size_t>(tokens * what.kvHeads * what.headDim)));
        for (int g = 0; g < what.kvHeads; ++g)
            m_views.push_back(m_caches.back()->view(0, g));
        for (int h = 0; h < what.queryHeads && !m_keep.same(); ++h)
            m_sights.push_back({m_keep.of(h).sinks, m_keep.of(h).oldest(tokens - 1)});
        const float* const q = from(static_cast<std::size_t>(what.queryHeads * what.headDim));
        m_queries.insert(m_queries.end(), q, q + what.queryHeads * what.headDim);
    }
}

// Long texts are cut back now and then, which is enough for slots to be used again.
void AttentionCaseState::fill(KvCache& cache, std::int64_t tokens, const float* rows) {
    const std::int64_t row = std::int64_t{m_case.kvHeads} * m_case.headDim, every = tokens > 300 ? 64 : 1;
    const std::vector<float> equal(static_cast<std::size_t>(row), 0.5f);
    std::vector<float> broken(static_cast<std::size_t>(row), 0.5f);
    for (int g = 0; g < m_case.kvHeads; ++g)
        broken[static_cast<std::size_t>(g * m_case.headDim)] = std::numeric_limits<float>::quiet_NaN();
    Ledger ledger;
    std::int64_t since = 0;
    for (std::int64_t t = 0; t < tokens; ++t) {
        if (t > 0 && (t % every == 0 || t == tokens - 1)) {
            evictUnseen(cache, 0, m_held, m_held, since, t, ledger);
            since = t;
        }
        const bool breaks = m_case.keys == AttentionCase::Keys::Broken && t == tokens * 3 / 4;
        const float* const key = breaks                                      ? broken.data()
                                 : m_case.keys == AttentionCase::Keys::Equal ? equal.data()
                                                                             : rows + t * row;
        cache.append(0, t, key, rows + (tokens - 1 - t) * row, ledger);
    }
}

AttentionResult AttentionCaseState::run(cpu::AttentionScratch& scratch) {
    const AttentionCase& c = m_case;
    AttentionResult result;
    result.out.assign(m_queries.size(), std::numeric_limits<float>::quiet_NaN());
    cpu::ReadReport report, *const told = c.sight == Sight::Reported ? &report : nullptr;
    ModelSpec spec;
    spec.layers = 1, spec.queryHeads = c.queryHeads, spec.kvHeads = c.kvHeads, spec.headDim = c.headDim;
    const auto turned = c.sight == Sight::Turned ? m_turned.of(m_keep.of(0), spec, 0, m_views.front(),
                                                               c.lengths.front() - 1, m_queries)
                                                 : std::span<const cpu::TurnedSlots>();
    for (const auto& cache : m_caches)
        cache->takeChanges(0);
    Ledger ledger;
    const auto* sparq = std::get_if<SparqParams>(&c.plan.read);
    const auto* topv = std::get_if<TopvParams>(&c.plan.read);
    const auto* quest = std::get_if<QuestParams>(&c.plan.read);
    if (sparq)
        cpu::attendSparq(m_views, c.group(), *sparq, m_queries.data(), result.out.data(), scratch, ledger, {},
                         m_sights, told);
    else if (topv)
        cpu::attendTopv(m_views, c.group(), *topv, m_queries.data(), result.out.data(), scratch, ledger, {}, turned,
                        m_sights, told);
    else if (quest)
        cpu::attendQuest(m_views, c.group(), *quest, m_queries.data(), result.out.data(), scratch, ledger, {},
                         m_sights, told);
    else
        cpu::attendAll(m_views, c.group(), m_queries.data(), result.out.data(), scratch, ledger, {}, turned, m_sights,
                       told);
    result.moved = ledger.take();
    for (const auto& cache : m_caches)
        result.mixed.push_back(cache->takeChanges(0).mixed);
    result.lastPages = scratch.lastPages;

    std::int64_t most = 0;
    for (const KvView& view : m_views)
        most = std::max(most, quest ? view.pages() : view.slots);
    const std::int64_t k = sparq ? sparq->tokens : topv ? topv->tokens : quest ? quest->pages : 0;
    for (std::int64_t i = 0; i < views() && k > 0; ++i) {
        const std::int64_t there = quest ? view(i).pages() : scratch.sight.count(view(i), i, 0);
        const auto first = (quest ? scratch.pages : scratch.slots).begin() + i * std::min(k, most);
        result.chosen.emplace_back(first, first + std::min(k, there));
    }
    for (std::int64_t i = 0; told && i < views(); ++i) {
        std::vector<float> row(static_cast<std::size_t>(view(i).slots), 0.f), part(row.size());
        const std::int64_t rows = report.rows[static_cast<std::size_t>(i)];
        Traffic read;
        cpu::groupWeights(report, static_cast<int>(i), c.group(), 0, rows, part.data(), read);
        for (std::int64_t r = 0; r < rows; ++r)
            row[static_cast<std::size_t>(report.slots ? report.slots[i * report.stride + r] : r)] =
                part[static_cast<std::size_t>(r)];
        result.heard.push_back(std::move(row));
    }
    return result;
}

at::Tensor AttentionCaseState::queries(std::int64_t i) const {
    const std::int64_t g = m_case.group(), d = m_case.headDim;
    return at::tensor(std::vector<float>(m_queries.begin() + i * g * d, m_queries.begin() + (i + 1) * g * d))
        .view({g, d});
}

at::Tensor AttentionCaseState::seen(std::int64_t i) const {
    if (m_keep.same())
        return {};
    std::vector<KeepRule> rules;
    for (int h = 0; h < m_case.group(); ++h)
        rules.push_back(m_keep.of(static_cast<int>(i) % m_case.kvHeads * m_case.group() + h));
    return moaSight(rules, CacheViewReader(view(i)).positions());
}

Traffic AttentionCaseState::predicted(const AttentionResult& result) const {
    Traffic sum;
    for (std::size_t text = 0; text < m_case.lengths.size(); ++text) {
        StepShape shape{.tokens = m_case.lengths[text],
                        .queryHeads = m_case.queryHeads,
                        .kvHeads = m_case.kvHeads,
                        .headDim = m_case.headDim,
                        .store = m_case.type,
                        .ownsKv = false};
        // Where every token stays and is read the formula knows it all.
        if (!std::holds_alternative<KeepAll>(m_case.plan.keep) || !std::holds_alternative<ReadAll>(m_case.plan.read))
            shape.mixedCounts = result.mixed[text];
        if (std::holds_alternative<QuestParams>(m_case.plan.read)) {
            shape.lastPageOf = std::span(result.lastPages).subspan(text * static_cast<std::size_t>(m_case.kvHeads),
                                                                   static_cast<std::size_t>(m_case.kvHeads));
            shape.lastPages = std::count(shape.lastPageOf.begin(), shape.lastPageOf.end(), 1);
        }
        sum += predictMoved(m_case.plan, shape);
    }
    return sum;
}

void AttentionCaseState::spoil(std::int64_t i, std::int64_t slot, bool key, bool value) {
    const KvView& own = view(i);
    if (const auto& mixed = m_caches.front()->layout().mixed) {
        const auto spoilCodes = [&](const void* const* blocks, const MixedForm& form, const RowCodec& codec) {
            static_cast<const SpoilableCodec&>(codec).spoil(static_cast<const std::byte*>(blocks[slot / own.slotsPerBlock]) +
                                                            slot % own.slotsPerBlock * form.sizes.record());
        };
        if (key)
            spoilCodes(own.keys, mixed->keys, *m_codecs->keys.front());
        if (value)
            spoilCodes(own.values, mixed->values, *m_codecs->values.front());
        return;
    }
    const RowForm form = own.rows();
    const std::int64_t row = slot % form.rows;
    const auto sixteen = [](std::byte* at, std::int64_t n, std::uint16_t bits) { std::memcpy(at + 2 * n, &bits, 2); };
    const auto fill = [&](const void* const* blocks) {
        auto* const block = static_cast<std::byte*>(const_cast<void*>(blocks[slot / form.rows]));
        for (int g = 0; g < form.groups(); ++g)
            sixteen(block + form.scales(), g * std::int64_t{form.rows} + row, 0x7C00);
        for (std::int64_t c = row * form.dims; !form.codes && c < (row + 1) * form.dims; ++c)
            if (form.type == ElementType::F32)
                reinterpret_cast<std::uint32_t*>(block)[c] = 0x7F800000;
            else
                sixteen(block, c, form.type == ElementType::F16 ? 0x7C00 : 0x7F80);
    };
    if (key)
        fill(own.keys);
    if (value)
        fill(own.values);
}

void AttentionCaseState::reveal(bool revealed) {
    for (const auto* const codecs : {&m_codecs->keys, &m_codecs->values})
        for (const auto& codec : *codecs)
            static_cast<const SpoilableCodec&>(*codec).reveal(revealed);
}

} // namespace fovea::test
