#include "core/engine/cache_layout.h"

#include <variant>

#include "core/cache/slots_per_block.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

CacheLayout cacheLayoutFor(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t capacity) {
    CacheLayout layout;
    layout.layers = spec.layers;
    layout.kvHeads = spec.kvHeads;
    layout.headDim = spec.headDim;
    layout.type = plan.store.value_or(spec.type);
    layout.slotsPerBlock = slotsPerBlockFor(capacity);
    if (const auto* sparq = std::get_if<SparqParams>(&plan.read)) {
        layout.keyColumns = true;
        layout.valueSum = sparq->alpha;
    }
    return layout;
}

} // namespace fovea
