#include "core/engine/session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/cache/kv_cache.h"
#include "core/engine/cache_layout.h"
#include "core/engine/converted_models.h"
#include "core/engine/decode_path.h"
#include "core/engine/eviction.h"
#include "core/engine/keep_observer.h"
#include "core/engine/known_tokens.h"
#include "core/engine/prefill.h"
#include "core/engine/stopwatch.h"
#include "core/methods/keep/scored_keep.h"
#include "core/methods/predict.h"
#include "core/model/model.h"
#include "core/plan/plan_prefill.h"
#include "core/plan/text_limit.h"

namespace fovea {

namespace {

AttentionPlan accepted(AttentionPlan plan, const ModelSpec& spec) {
    if (const auto why = refusal(plan, spec))
        throw PlanError(*why);
    return plan;
}

std::int64_t capacityOf(const SessionOptions& options, const AttentionPlan& plan, const ModelSpec& spec) {
    return options.capacity > 0 ? std::min(options.capacity, textLimit(plan, spec)) : spec.context;
}

} // namespace

struct Session::Impl {
    Impl(std::shared_ptr<const Model> shared, AttentionPlan wanted, const SessionOptions& options)
        : own(std::move(shared)), plan(accepted(std::move(wanted), own->spec)),
          model(convertedModel(own, plan.share)),
          cache(cacheLayoutFor(plan, model->spec, capacityOf(options, plan, model->spec))),
          logits(static_cast<std::size_t>(model->spec.vocabulary), 0.f),
          lastPages(static_cast<std::size_t>(model->spec.layers), 0) {
        capacity = capacityOf(options, plan, model->spec);
        keeping = evictedKeeping = masksPrefill(plan);
        tap = options.tap;
        for (int layer = 0; layer < model->spec.layers; ++layer) {
            unplanned.emplace_back(plan, model->spec, layer, false);
            kept.emplace_back(plan, model->spec, layer, true);
        }
        if (options.captureBudget > 0) {
            const auto fresh = std::make_shared<Capture>(model->spec, capacity, options.captureBudget);
            writtenCapture = fresh.get();
            capture = fresh;
        }
        if (options.recordSlots) {
            history = SlotHistory(model->spec.layers, model->spec.kvHeads, model->spec.kvSources);
            cache.tell(&history);
        }
        if (scoresTokens(plan))
            observer = std::make_unique<KeepObserver>(plan, model->spec, cache.layout().slotsPerBlock,
                                                      options.backend == Backend::Reference);
        path = options.backend == Backend::Cpu ? makeCpuPath(state()) : makeReferencePath(state());
    }

    DecodeState state() {
        return {*model,         plan, cache,            ledger,        unplanned, kept,
                writtenCapture, tap,  lastPages.data(), observer.get()};
    }

    void require(std::span<const int> next) const {
        requireKnown(next, model->spec.vocabulary);
        if (tokens + std::ssize(next) > capacity)
            throw EngineError("The session holds " + std::to_string(capacity) + " tokens, not " +
                              std::to_string(tokens + std::ssize(next)) + ".");
    }

    // What the query at `next` does not see leaves every owner layer. Only between steps: layers that borrow read what
    // the owner appended in the same step, after it.
    void evict(std::int64_t next) {
        for (std::size_t layer = 0; layer < kept.size(); ++layer)
            if (observer)
                observer->evict(cache, static_cast<int>(layer), next, prompt, ledger);
            else if (model->spec.ownsKv(static_cast<int>(layer)))
                evictUnseen(cache, static_cast<int>(layer), (keeping ? kept : unplanned)[layer],
                            (evictedKeeping ? kept : unplanned)[layer], evictedFor, next, ledger);
        evictedFor = next;
        evictedKeeping = keeping;
    }

    // What the step did to the cache, counted, and the formula of it, layer by layer.
    void describe(StepRecord& record, StepShape shape) {
        for (int layer = 0; layer < model->spec.layers; ++layer) {
            const SlotChanges changes = cache.takeChanges(layer);
            shape.ownsKv = model->spec.ownsKv(layer);
            shape.layer = layer;
            shape.window = model->spec.window(layer);
            shape.moved = changes.moved;
            shape.resummed = changes.resummed;
            shape.sums = changes.sums;
            shape.pagesBegun = changes.pagesBegun;
            shape.lastPages = lastPages[static_cast<std::size_t>(layer)];
            shape.holes = 0;
            for (int head = 0; head < model->spec.kvHeads; ++head)
                shape.holes += cache.hasHole(layer, head);
            record.formula += predictMoved(plan, shape);
            record.held.formula += predictHeld(plan, shape);
            record.evicted += changes.dropped;
            for (int head = 0; shape.ownsKv && head < model->spec.kvHeads; ++head)
                record.liveSlots += cache.slots(layer, head);
        }
    }

    StepShape shape(bool planned) const {
        StepShape shape;
        shape.tokens = tokens;
        shape.queryHeads = model->spec.queryHeads;
        shape.kvHeads = model->spec.kvHeads;
        shape.headDim = model->spec.headDim;
        shape.store = cache.layout().type;
        shape.planned = planned;
        shape.keeps = keeping;
        shape.prompt = prompt;
        return shape;
    }

    std::shared_ptr<const Model> own; // as it was loaded
    AttentionPlan plan;
    std::shared_ptr<const Model> model; // as it runs under the plan's share
    KvCache cache;
    Ledger ledger;
    std::shared_ptr<const Capture> capture; // as runs share it
    Capture* writtenCapture = nullptr;      // the same, for this session alone
    AttentionTap* tap = nullptr;
    std::unique_ptr<KeepObserver> observer; // null where the keep scores nothing
    std::unique_ptr<DecodePath> path;
    std::vector<float> logits;
    std::vector<std::int64_t> lastPages; // (layers), as DecodeState has it
    std::int64_t capacity = 0, tokens = 0;
    std::vector<LayerKeep> unplanned, kept; // by layer: what the model sees, and what the plan keeps of it
    bool keeping = false;                   // the plan's keep acts
    std::int64_t prompt = -1;               // tokens before it did
    // The query that unseen tokens were last evicted for, and whether the plan's keep acted then.
    std::int64_t evictedFor = 0;
    bool evictedKeeping = false;
    SlotHistory history;
};

Session::Session(std::shared_ptr<const Model> model, AttentionPlan plan, SessionOptions options)
    : m(std::make_unique<Impl>(std::move(model), std::move(plan), options)) {}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

bool Session::prefill(std::span<const int> tokens, const std::atomic<bool>& cancel) {
    m->require(tokens);
    // The step that follows feeds the prompt's last token.
    const std::int64_t length = m->tokens + std::ssize(tokens) + 1;
    while (!tokens.empty()) {
        if (cancel)
            return false;
        const auto chunk = tokens.first(std::min<std::size_t>(tokens.size(), kPrefillChunk));
        prefillChunk(m->state(), chunk, m->tokens, length);
        m->tokens += std::ssize(chunk);
        m->evict(m->tokens);
        tokens = tokens.subspan(chunk.size());
    }
    return true;
}

StepRecord Session::step(int token, bool planned) {
    m->require({&token, 1});
    StepRecord record;
    record.position = m->tokens;
    record.fed = token;
    record.planned = planned;

    m->ledger.take(); // what prefill wrote is no step's
    for (int layer = 0; layer < m->model->spec.layers; ++layer)
        m->cache.takeChanges(layer);
    const bool takesOver = planned && !m->keeping;
    m->keeping |= planned;
    if (takesOver)
        m->prompt = record.position;

    const Stopwatch watch;
    if (takesOver)
        m->evict(record.position);
    record.attentionSeconds =
        m->path->step(token, record.position, {.read = planned, .keep = m->keeping}, m->logits);
    m->tokens += 1;
    m->evict(m->tokens);
    record.seconds = watch.seconds();

    StepShape shape = m->shape(planned);
    shape.takesOver = takesOver;
    m->describe(record, shape);
    record.formula += predictWeights(m->plan, m->own->spec);
    record.counted = m->ledger.take();
    record.held.counted = m->cache.held();
    record.held.reserved = m->cache.reserved();
    if (m->observer) {
        record.held.counted += m->observer->held(m->cache);
        record.held.reserved += m->observer->reserved();
    }
    return record;
}

std::span<const float> Session::logits() const {
    return m->logits;
}
std::int64_t Session::tokens() const {
    return m->tokens;
}
const Model& Session::model() const {
    return *m->own;
}
const std::shared_ptr<const Capture>& Session::capture() const {
    return m->capture;
}
const SlotHistory& Session::slots() const {
    return m->history;
}

} // namespace fovea
