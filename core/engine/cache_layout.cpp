#include "core/engine/cache_layout.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "core/cache/slots_per_block.h"
#include "core/methods/keep/scored_keep.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// The most rows that a layer holds for long: a plan that evicts needs no long blocks.
std::int64_t heldRows(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t capacity) {
    std::int64_t most = 0;
    for (int layer = 0; layer < spec.layers; ++layer) {
        if (scoresTokens(plan)) {
            most = std::max(most, mostRowsSeen(plan, spec.window(layer), /*prompt=*/capacity, capacity));
            continue;
        }
        const LayerKeep keep(plan, spec, layer, true);
        for (int head = 0; head < spec.kvHeads; ++head)
            most = std::max(most, keep.held(head, capacity).seen(capacity));
    }
    return most;
}

} // namespace

CacheLayout cacheLayoutFor(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t capacity,
                           std::shared_ptr<const StoreCodecs> codecs) {
    CacheLayout layout;
    layout.codecs = std::move(codecs);
    layout.layers = spec.layers;
    layout.kvHeads = spec.kvHeads;
    layout.headDim = spec.headDim;
    layout.sources = kvSources(plan.share, spec);
    layout.type = storedFloats(plan.store, spec.type);
    layout.codes = storedCodes(plan.store);
    layout.mixed = mixedStore(plan.store, spec.headDim);
    layout.slotsPerBlock = slotsPerBlockFor(heldRows(plan, spec, capacity));
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read)) {
        layout.keyColumns = true;
        layout.valueSum = sparq->alpha;
        layout.valueSums = valueSumsPerHead(plan, spec.group());
    }
    if (const auto* quest = std::get_if<QuestParams>(&plan.read)) {
        layout.page = quest->page;
        layout.pagedFrom = quest->skip;
    }
    return layout;
}

} // namespace fovea
