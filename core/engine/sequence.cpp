#include "core/engine/sequence.h"

#include <algorithm>

#include "core/engine/cache_layout.h"
#include "core/engine/device/cache_twin.h"
#include "core/engine/device/prompt_twin.h"
#include "core/engine/eviction.h"
#include "core/methods/keep/scored_keep.h"
#include "core/methods/predict.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_prefill.h"

namespace fovea {

Sequence::Sequence(const AttentionPlan& plan, const ModelSpec& spec, const LayerKeeps& keeps, Ledger& ledger,
                   const SequenceOptions& options)
    : m_plan(plan), m_spec(spec), m_keeps(keeps), m_ledger(ledger),
      m_cache(cacheLayoutFor(plan, spec, options.capacity, options.codecs)), m_capacity(options.capacity),
      m_lastPages(static_cast<std::size_t>(spec.layers * spec.kvHeads), 0),
      m_holes(static_cast<std::size_t>(spec.kvHeads), 0), m_keeping(masksPrefill(plan)),
      m_evictedKeeping(m_keeping) {
    for (int layer = 0; layer < spec.layers; ++layer)
        m_readers.push_back(kvReaders(spec, layer));
    if (options.captureBudget > 0) {
        const auto fresh = std::make_shared<Capture>(spec, m_capacity, options.captureBudget);
        fresh->readCodecsBy(options.codecSource);
        m_writtenCapture = fresh.get();
        m_capture = fresh;
    }
    if (options.recordSlots) {
        m_history = SlotHistory(spec.layers, spec.kvHeads, spec.kvSources);
        m_cache.tell(&m_history);
    }
    if (scoresTokens(plan))
        m_observer =
            std::make_unique<KeepObserver>(plan, spec, m_cache.layout().slotsPerBlock, options.truths);
}

Sequence::~Sequence() = default;

void Sequence::leaveDevice() {
    m_promptTwin.reset();
    m_twin.reset();
}

CacheTwin& Sequence::onDevice() {
    if (!m_twin)
        m_twin = std::make_unique<CacheTwin>(m_cache);
    return *m_twin;
}

void Sequence::keepPromptRows(std::int64_t tokens) {
    if (!m_promptRows)
        m_promptRows = std::make_unique<PromptRows>(m_spec, m_tokens);
    m_promptRows->reserve(tokens);
}

PromptTwin& Sequence::promptOnDevice() {
    if (!m_promptTwin)
        m_promptTwin = std::make_unique<PromptTwin>(m_cache, m_promptRows.get());
    return *m_promptTwin;
}

void Sequence::begin(bool planned) {
    m_promptTwin.reset();
    m_promptRows.reset();
    for (int layer = 0; layer < m_spec.layers; ++layer)
        m_cache.takeChanges(layer);
    std::fill(m_lastPages.begin(), m_lastPages.end(), 0);
    m_planned = planned;
    m_takesOver = planned && !m_keeping;
    m_keeping |= planned;
    if (!m_takesOver)
        return;
    m_prompt = m_tokens;
    evict(m_tokens);
}

void Sequence::append(int layer, std::int64_t position, const float* q, const float* k, const float* v) {
    if (m_writtenCapture)
        m_writtenCapture->write(layer, position, q, k, v);
    if (k && m_promptRows)
        m_promptRows->add(layer, k, v);
    if (k)
        m_cache.append(layer, position, k, v, m_ledger);
    if (m_observer)
        m_observer->asked(layer, position, q, m_ledger);
}

void Sequence::choseLastPages(int layer, std::span<const char> heads) {
    std::copy(heads.begin(), heads.end(), m_lastPages.begin() + layer * m_spec.kvHeads);
}

void Sequence::advance(std::int64_t n) {
    m_tokens += n;
    evict(m_tokens);
}

void Sequence::advancePrompt(std::int64_t n) {
    for (int layer = 0; layer < m_spec.layers; ++layer)
        m_cache.takeChanges(layer);
    advance(n);
    for (int layer = 0; layer < m_spec.layers; ++layer)
        m_promptEvicted += m_cache.takeChanges(layer).dropped;
}

// What the query at `next` does not see leaves every owner layer.
void Sequence::evict(std::int64_t next) {
    for (int layer = 0; layer < m_spec.layers; ++layer)
        if (m_observer)
            m_observer->evict(m_cache, layer, next, m_prompt, m_ledger);
        else if (m_spec.ownsKv(layer))
            evictUnseen(m_cache, layer, m_keeps.of(layer, m_keeping), m_keeps.of(layer, m_evictedKeeping),
                        m_evictedFor, next, m_ledger);
    m_evictedFor = next;
    m_evictedKeeping = m_keeping;
}

StepShape Sequence::shape() const {
    StepShape shape;
    shape.tokens = m_tokens;
    shape.queryHeads = m_spec.queryHeads;
    shape.kvHeads = m_spec.kvHeads;
    shape.headDim = m_spec.headDim;
    shape.store = m_cache.layout().type;
    shape.codes = m_cache.layout().codes;
    shape.mixed = m_cache.layout().mixed;
    shape.planned = m_planned;
    shape.keeps = m_keeping;
    shape.takesOver = m_takesOver;
    shape.prompt = m_prompt;
    return shape;
}

void Sequence::describe(StepCost& cost) {
    StepShape shape = this->shape();
    for (int layer = 0; layer < m_spec.layers; ++layer) {
        const SlotChanges changes = m_cache.takeChanges(layer);
        shape.ownsKv = m_spec.ownsKv(layer);
        shape.layer = layer;
        shape.window = m_spec.window(layer);
        shape.moved = changes.moved;
        shape.resummed = changes.resummed;
        shape.sums = changes.sums;
        shape.pagesBegun = changes.pagesBegun;
        if (shape.mixed)
            shape.mixedCounts = changes.mixed;
        shape.keep = &m_keeps.of(layer, m_keeping);
        shape.readers = m_readers[static_cast<std::size_t>(layer)];
        shape.lastPageOf =
            std::span(m_lastPages).subspan(static_cast<std::size_t>(layer * m_spec.kvHeads), m_holes.size());
        shape.lastPages = std::count(shape.lastPageOf.begin(), shape.lastPageOf.end(), 1);
        for (int head = 0; head < m_spec.kvHeads; ++head)
            m_holes[static_cast<std::size_t>(head)] = m_cache.hasHole(layer, head);
        shape.holeIn = m_holes;
        shape.holes = std::count(m_holes.begin(), m_holes.end(), 1);
        cost.formula += predictMoved(m_plan, shape);
        cost.held.formula += predictHeld(m_plan, shape);
        cost.evicted += changes.dropped;
        for (int head = 0; shape.ownsKv && head < m_spec.kvHeads; ++head)
            cost.liveSlots += m_cache.slots(layer, head);
    }
    cost.held.counted += m_cache.held();
    cost.held.reserved += m_cache.reserved();
    if (m_twin)
        cost.held.onDevice += m_twin->bytes();
    if (m_observer) {
        cost.held.counted += m_observer->held(m_cache);
        cost.held.reserved += m_observer->reserved();
    }
}

} // namespace fovea
