#pragma once
// The weights of a model that is made to share KV between layers: the truth of share=…,convert=…, straight from the
// derivation in cla.h.

#include <atomic>
#include <functional>
#include <memory>

#include "core/methods/share/cla.h"

namespace fovea {

struct Model;

// Called between the groups that are converted: how many of all are done.
using ConversionProgress = std::function<void(int done, int all)>;

// `model` as it runs under `share`, which fits it: spec.kvSources set, the projections of layers that borrow gone,
// those of converted owners in a KV block with a norm of its own. All else is the same memory. `progress` may be
// empty. Null when cancelled.
std::shared_ptr<const Model> convertKv(const Model& model, const Share& share,
                                       const ConversionProgress& progress, const std::atomic<bool>& cancel);

} // namespace fovea
