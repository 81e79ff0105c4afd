#pragma once
// What each layer holds and reads under a plan, by Fovea's own formula: where a plan shares KV between layers, the two
// come apart.

#include <cstdint>
#include <vector>

#include "core/cache/traffic.h"

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

struct LayerCost {
    int source = 0; // the layer whose KV it reads, itself where it owns its own
    Traffic held;   // live bytes after the step
    Traffic
        read; // by the step, scratch included, without the new row that an owner writes and what it evicts
};

// (L) of a decode step whose query is the `tokens`-th of the text. `plan` fits the model.
std::vector<LayerCost> layerCosts(const AttentionPlan& plan, const ModelSpec& spec, std::int64_t tokens);

} // namespace fovea
