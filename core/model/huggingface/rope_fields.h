#pragma once
// How a config.json says what its RoPE is: rope_theta and rope_scaling, or rope_parameters, which newer
// folders have.

#include "core/model/huggingface/config_fields.h"
#include "core/model/model_spec.h"

namespace fovea {

struct RopeDefaults {
    double theta = 10000;
    double rotated = 1; // share of a head that turns
    const char* thetaKey = "rope_theta";
};

struct RopeFields {
    Rope rope;
    double rotated = 1;
    double context = 0; // longest sequence that the scaling is made for; 0: the config's own
};

// The one RoPE of all layers. `context` is max_position_embeddings. Throws CheckpointError.
RopeFields readRope(const ConfigFields& config, int context, const RopeDefaults& defaults);

// Gemma 3: layers with and without a window have a RoPE each.
struct LocalAndGlobal {
    Rope local;
    RopeFields global;
};
LocalAndGlobal readLocalAndGlobalRope(const ConfigFields& config, int context);

} // namespace fovea
