#include "core/engine/memory_estimate.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/cache/kv_cache.h"
#include "core/engine/cache_layout.h"
#include "core/engine/capture.h"
#include "core/engine/prefill.h"
#include "core/methods/keep/scored_keep.h"
#include "core/methods/quantise/rounded_weights.h"
#include "core/methods/step_shape.h"
#include "core/model/model_spec.h"
#include "core/plan/plan_prefill.h"
#include "core/trace/byte_text.h"

namespace fovea {

namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();

// Shapes come from files: a product may be too large for 64 bits, and is then larger than any budget.
class Bytes {
public:
    Bytes(std::int64_t value) : m_value(value) {}
    friend Bytes operator*(Bytes a, Bytes b) {
        std::int64_t product = 0;
        return __builtin_mul_overflow(a.m_value, b.m_value, &product) ? kMost : product;
    }
    friend Bytes operator+(Bytes a, Bytes b) {
        std::int64_t sum = 0;
        return __builtin_add_overflow(a.m_value, b.m_value, &sum) ? kMost : sum;
    }
    std::int64_t value() const { return m_value; }

private:
    std::int64_t m_value;
};

std::int64_t capacityOf(const ModelSpec& spec, const MemoryQuestion& q) {
    return q.wholeContext ? spec.context
                          : std::min<std::int64_t>(spec.context, q.prompt + q.tokens + q.spare);
}

// Tokens in the cache when the run ends: the last one chosen is not fed.
std::int64_t cachedTokens(const ModelSpec& spec, const MemoryQuestion& q) {
    return std::clamp<std::int64_t>(q.prompt + q.tokens - 1, 1, std::max(spec.context, 1));
}

// The most rows that a prompt of `tokens` leaves in a KV head while it is read in chunks: before each one stays what its
// first query sees. `seen(p)`: rows that the query at p sees, its own included; it never falls, so the last two chunks
// say it, of which the last may be short.
template <class Seen>
std::int64_t mostPrefilled(std::int64_t tokens, const Seen& seen) {
    std::int64_t most = 0;
    const std::int64_t last = (std::max<std::int64_t>(tokens, 1) - 1) / kPrefillChunk * kPrefillChunk;
    for (const std::int64_t first : {last - kPrefillChunk, last})
        if (first >= 0 && first < tokens)
            most = std::max(most, seen(first) - 1 + std::min(kPrefillChunk, tokens - first));
    return most;
}

// The most rows a KV head ever holds: of the prompt, which is read in chunks, or of what the plan keeps. Windows may
// grow with the text and never fall, so the last step holds the most.
std::int64_t mostRows(const ModelSpec& spec, const AttentionPlan& plan, int layer, const KeepRule& own,
                      const LayerKeep& keep, const MemoryQuestion& q, int kvHead) {
    const std::int64_t cached = cachedTokens(spec, q);
    const std::int64_t from = keepActsFrom(plan, q.decodeFrom < 0 ? q.prompt : q.decodeFrom);
    const std::int64_t prefilled = mostPrefilled(std::min(q.prompt - 1, cached), [&](std::int64_t p) {
        return masksPrefill(plan) ? keep.held(kvHead, p).seen(p) : own.seen(p);
    });
    const std::int64_t dense = from > 0 ? own.seen(std::min(from, cached) - 1) : 0;
    const auto kept = [&] {
        return scoresTokens(plan) ? mostRowsSeen(plan, spec.window(layer), from, cached - 1)
                                  : keep.held(kvHead, cached - 1).seen(cached - 1);
    };
    return std::max({prefilled, dense, cached > from ? kept() : 0});
}

// What a keep remembers of `slots` slots of each KV head to rank tokens by, or of the queries that will vote.
Bytes scoreBytes(const ModelSpec& spec, const AttentionPlan& plan, std::int64_t slots, int layer) {
    const StepShape shape{.tokens = std::numeric_limits<std::int32_t>::max(),
                          .queryHeads = spec.queryHeads,
                          .kvHeads = spec.kvHeads,
                          .headDim = spec.headDim,
                          .window = spec.window(layer),
                          .keeps = false};
    return predictHeldScores(plan, slots, shape).total();
}

// Of the pages of so many rows of one KV head, whole blocks.
Bytes boundsOf(const CacheLayout& layout, int layer, std::int64_t rows) {
    if (!layout.paged(layer))
        return 0;
    const std::int64_t pages = (rows + layout.page - 1) / layout.page, perBlock = layout.pagesPerBlock();
    return Bytes((pages + perBlock - 1) / perBlock * perBlock) * layout.boundsBytes();
}

// What blocks hold of one token in one KV head.
std::int64_t rowBytes(const CacheLayout& layout) {
    const std::int64_t columns = layout.keyColumns ? layout.headDim * elementBytes(layout.type) : 0;
    if (layout.mixed)
        return layout.mixed->keys.sizes.record() + layout.mixed->values.sizes.record() + columns;
    return 2 * (layout.rows().codeBytes() + layout.rows().scaleBytes()) + columns;
}

// Exact rows of one KV head, and sides that rows of so many slots share: room for one more coding, in whole blocks.
Bytes mixedPools(const CacheLayout& layout, std::int64_t slots) {
    if (!layout.mixed)
        return 0;
    Bytes bytes = 0;
    for (const MixedForm& form : {layout.mixed->keys, layout.mixed->values}) {
        bytes = bytes + Bytes(form.exact.most()) * layout.headDim * elementBytes(layout.type);
        const std::int64_t sharing = form.sizes.sharing, coding = form.exact.bulk / sharing,
                           block = std::max<std::int64_t>(coding, layout.slotsPerBlock / sharing);
        if (sharing > 1)
            bytes = bytes + Bytes((slots / sharing + coding + block - 1) / block * block) * form.sizes.side;
    }
    return bytes;
}

Bytes cacheBytes(const ModelSpec& spec, const AttentionPlan& plan, const MemoryQuestion& q) {
    const CacheLayout layout = cacheLayoutFor(plan, spec, capacityOf(spec, q));
    const std::int64_t block = layout.slotsPerBlock;
    const Bytes sum = layout.valueSum ? Bytes(layout.headDim) * static_cast<std::int64_t>(sizeof(float)) * layout.valueSums
                                      : 0;
    Bytes bytes = 0;
    for (int layer = 0; layer < layout.layers; ++layer) {
        if (layout.sourceOf(layer) != layer) { // its queries may wait to vote
            bytes = bytes + scoreBytes(spec, plan, 0, layer);
            continue;
        }
        const KeepRule own = keepRule(plan, spec.window(layer), false);
        const LayerKeep keep(plan, spec, layer, true);
        const int different = keep.same() ? 1 : layout.kvHeads; // KV heads that need be looked at
        for (int head = 0; head < different; ++head) {
            const std::int64_t most = mostRows(spec, plan, layer, own, keep, q, head),
                               slots = (most + block - 1) / block * block;
            const Bytes rows = Bytes(slots) * rowBytes(layout) + mixedPools(layout, slots);
            bytes = bytes + (rows + sum + boundsOf(layout, layer, most)) * (keep.same() ? layout.kvHeads : 1);
            if (scoresTokens(plan))
                bytes = bytes + scoreBytes(spec, plan, slots, layer);
        }
    }
    return bytes;
}

// α of the checkpoint that the plan runs on, or nothing where that is the model itself.
std::optional<double> smoothing(const AttentionPlan& plan) {
    const auto* smooth = std::get_if<SmoothActs>(&plan.acts);
    return smooth ? std::optional(smooth->alpha) : std::nullopt;
}

// What a prompt's own queries see of it where the store makes codes (prompt_rows.h).
Bytes promptRowBytes(const ModelSpec& spec, const AttentionPlan& plan, const MemoryQuestion& q) {
    if (!readsPromptInFloats(plan))
        return 0;
    const ModelSpec shared = sharedSpec(spec, plan.share);
    const std::int64_t row = std::int64_t{2} * spec.kvHeads * spec.headDim * static_cast<std::int64_t>(sizeof(float));
    return Bytes(std::max<std::int64_t>(q.prompt - 1, 0)) * row * shared.kvLayers();
}

// Of each distinct rounding once: it is made of what the share makes.
Bytes roundedBytes(const ModelSpec& spec, const MemoryQuestion& q) {
    Bytes bytes = 0;
    for (std::size_t i = 0; i < q.plans.size(); ++i) {
        const AttentionPlan& plan = q.plans[i];
        const bool known = std::any_of(q.plans.begin(), q.plans.begin() + static_cast<std::ptrdiff_t>(i),
                                       [&](const AttentionPlan& other) {
                                           return other.weights == plan.weights &&
                                                  smoothing(other) == smoothing(plan) &&
                                                  kvSources(other.share, spec) == kvSources(plan.share, spec) &&
                                                  conversionOf(other.share) == conversionOf(plan.share);
                                       });
        bytes = bytes + (known ? 0 : predictRoundedBytes(plan.weights, plan.share, spec));
    }
    return bytes;
}

// Of each distinct checkpoint that SmoothQuant made, which is as large as the model, once.
Bytes smoothedBytes(const ModelSpec& spec, const MemoryQuestion& q) {
    std::vector<double> known;
    for (const AttentionPlan& plan : q.plans)
        if (const auto alpha = smoothing(plan); alpha && std::find(known.begin(), known.end(), *alpha) == known.end())
            known.push_back(*alpha);
    return Bytes(spec.weightBytes) * std::ssize(known);
}

// Of each distinct conversion once.
Bytes convertedBytes(const ModelSpec& spec, const MemoryQuestion& q) {
    Bytes bytes = 0;
    for (std::size_t i = 0; i < q.plans.size(); ++i) {
        const Share& share = q.plans[i].share;
        const bool known = std::any_of(q.plans.begin(), q.plans.begin() + static_cast<std::ptrdiff_t>(i),
                                       [&](const AttentionPlan& plan) {
                                           return kvSources(plan.share, spec) == kvSources(share, spec) &&
                                                  conversionOf(plan.share) == conversionOf(share);
                                       });
        bytes = bytes + (known ? 0 : predictConvertedBytes(share, spec));
    }
    return bytes;
}

Bytes capturedBytes(const ModelSpec& spec, const MemoryQuestion& q) {
    Bytes bytes = 0;
    for (std::size_t i = 0; i < q.plans.size(); ++i) {
        const ModelSpec shared = sharedSpec(spec, q.plans[i].share);
        const std::int64_t capacity = capacityOf(spec, q);
        bytes = bytes + captureBytes(shared, capacity, capturedLayers(shared, capacity, captureBudgetOf(q, i)));
    }
    return bytes;
}

bool halvesStore(const ModelSpec& spec, const AttentionPlan& plan) {
    return !storesCodes(plan.store) && elementBytes(storedFloats(plan.store, spec.type)) > elementBytes(ElementType::BF16);
}

// One candidate: the question changed in one way. Kept when it fits.
class Offers {
public:
    Offers(const ModelSpec& spec, const MemoryQuestion& question, std::int64_t budget)
        : m_spec(spec), m_question(question), m_budget(budget), m_before(estimateMemory(spec, question)) {}

    std::vector<MemoryOffer> make() {
        if (m_before.total() <= m_budget)
            return {};
        MemoryQuestion capture = m_question, store = m_question, tokens = m_question;
        if (lessCapture(capture))
            keep(MemoryOffer::Kind::Capture, capture);
        if (halfStore(store))
            keep(MemoryOffer::Kind::HalfStore, store);
        if (fewerTokens(tokens))
            keep(MemoryOffer::Kind::Tokens, tokens);
        if (m_offers.empty()) {
            MemoryQuestion all = m_question;
            halfStore(all);
            all.captureBudget = 0;
            fewerTokens(all);
            lessCapture(all); // what is then left may be captured with
            keep(MemoryOffer::Kind::Everything, all);
        }
        return std::move(m_offers);
    }

private:
    std::int64_t totalOf(const MemoryQuestion& q) const { return estimateMemory(m_spec, q).total(); }

    // As much capture as the rest leaves room for.
    bool lessCapture(MemoryQuestion& q) const {
        if (m_before.capture == 0)
            return false;
        MemoryQuestion without = q;
        without.captureBudget = 0;
        const std::int64_t room = m_budget - totalOf(without);
        std::int64_t sessions = 0;
        for (std::size_t plan = 0; plan < q.plans.size(); ++plan)
            sessions += captures(q, plan) ? 1 : 0;
        const std::int64_t layer = (Bytes(captureBytesPerLayer(m_spec, capacityOf(m_spec, q))) * sessions).value();
        q.captureBudget = std::clamp<std::int64_t>(room / layer * layer, 0, m_question.captureBudget);
        return room >= 0;
    }
    bool halfStore(MemoryQuestion& q) const {
        bool halved = false;
        for (AttentionPlan& plan : q.plans)
            if (halvesStore(m_spec, plan)) {
                plan.store = ElementType::BF16;
                halved = true;
            }
        return halved;
    }
    // The most tokens that fit; what is held grows with them, in steps of a block.
    bool fewerTokens(MemoryQuestion& q) const {
        std::int64_t fits = 0, beyond = q.tokens;
        while (beyond - fits > 1) {
            q.tokens = fits + (beyond - fits) / 2;
            (totalOf(q) <= m_budget ? fits : beyond) = q.tokens;
        }
        q.tokens = std::max<std::int64_t>(fits, 1);
        return q.tokens < m_question.tokens;
    }

    void keep(MemoryOffer::Kind kind, const MemoryQuestion& question) {
        const MemoryEstimate estimate = estimateMemory(m_spec, question);
        if (estimate.total() <= m_budget)
            m_offers.push_back({kind, question, estimate, describe(question)});
    }

    std::string describe(const MemoryQuestion& q) const {
        std::string text;
        const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
        for (std::size_t i = 0; i < q.plans.size(); ++i)
            if (!(q.plans[i] == m_question.plans[i])) {
                add("store rows in bf16");
                break;
            }
        if (q.tokens != m_question.tokens)
            add("generate " + std::to_string(q.tokens) + " tokens instead of " +
                std::to_string(m_question.tokens));
        if (q.captureBudget != m_question.captureBudget)
            add(q.captureBudget == 0 ? "capture nothing"
                                     : "capture " + byteText(q.captureBudget) + " instead of " +
                                           byteText(m_question.captureBudget));
        return text;
    }

    const ModelSpec& m_spec;
    const MemoryQuestion& m_question;
    const std::int64_t m_budget;
    const MemoryEstimate m_before;
    std::vector<MemoryOffer> m_offers;
};

} // namespace

bool captures(const MemoryQuestion& q, std::size_t plan) {
    return plan == 0 || !sameModel(q.plans[plan], q.plans.front());
}

std::int64_t captureBudgetOf(const MemoryQuestion& q, std::size_t plan) {
    std::int64_t sessions = 0;
    for (std::size_t i = 0; i < q.plans.size(); ++i)
        sessions += captures(q, i) ? 1 : 0;
    return captures(q, plan) ? q.captureBudget / sessions : 0;
}

MemoryEstimate estimateMemory(const ModelSpec& spec, const MemoryQuestion& q) {
    Bytes cache = 0, logits = 0;
    for (const AttentionPlan& plan : q.plans) {
        cache = cache + cacheBytes(spec, plan, q) + promptRowBytes(spec, plan, q);
        if (q.keepsLogits)
            logits =
                logits + Bytes(q.tokens) * spec.vocabulary * 2 * static_cast<std::int64_t>(sizeof(float));
    }
    MemoryEstimate estimate;
    estimate.weights = (Bytes(spec.weightBytes) + smoothedBytes(spec, q) + convertedBytes(spec, q) + roundedBytes(spec, q)).value();
    estimate.cache = cache.value();
    estimate.capture = capturedBytes(spec, q).value();
    estimate.logits = logits.value();
    return estimate;
}

std::int64_t MemoryEstimate::total() const {
    return (Bytes(weights) + cache + capture + logits).value();
}

std::vector<MemoryOffer> memoryOffers(const ModelSpec& spec, const MemoryQuestion& question,
                                      std::int64_t budget) {
    return Offers(spec, question, budget).make();
}

std::string memoryText(const MemoryEstimate& estimate) {
    std::string parts;
    const auto add = [&parts](std::int64_t bytes, const char* what) {
        if (bytes > 0)
            parts += (parts.empty() ? "" : ", ") + byteText(bytes) + what;
    };
    add(estimate.weights, " of weights");
    add(estimate.cache, " of KV cache");
    add(estimate.capture, " of capture");
    add(estimate.logits, " of logits");
    return byteText(estimate.total()) + ": " + parts;
}

} // namespace fovea
