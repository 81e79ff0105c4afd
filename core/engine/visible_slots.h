#pragma once
// A model's own sliding window, in the slots of a cache that holds every token.

#include <cstdint>

#include "core/model/model_spec.h"

namespace fovea {

// The first of `slots` that the newest token sees in `layer`.
inline std::int64_t firstVisible(const ModelSpec& spec, int layer, std::int64_t slots) {
    return slots - spec.visible(layer, slots);
}

} // namespace fovea
