#pragma once
// Formula: the closed form of what Fovea itself moves and holds, for any plan. Nothing here looks at a cache;
// the ledger counts on its own, and tests hold the two against each other.

#include "core/cache/traffic.h"
#include "core/methods/step_shape.h"

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

// Bytes one layer's attention reads and writes in one decode step, the new row's write and what eviction
// costs included; of a layer that reads another's KV the reads alone. The plan's store, where it names one, goes
// before shape.store.
Traffic predictMoved(const AttentionPlan& plan, const StepShape& shape);
// Live bytes of one layer's cache after the step in which `shape.tokens` tokens have been seen; a layer that reads
// another's KV holds none.
Traffic predictHeld(const AttentionPlan& plan, const StepShape& shape);
// Bytes of parameters one decode step reads: all layers, the embedding row of one token, the output head.
Traffic predictWeights(const ModelSpec& spec);
// The same under a plan, which may drop projections (share) and round matrices (weights), for texts that are decoded at
// once: each reads its token's rows, and all together the rest. `spec` is the model's own.
Traffic predictWeights(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t texts = 1);

}  // namespace fovea
