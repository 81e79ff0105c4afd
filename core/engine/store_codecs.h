#pragma once
// The codecs of a plan's store: made of its parameters alone (KIVI), or of codebooks that `fovea calibrate --store` left
// beside the model (KVQuant, CQ). Those are kept for the next run, as converted models are.

#include <memory>
#include <optional>
#include <string>

#include "core/cache/row_codec.h"
#include "core/methods/store/store.h"

namespace fovea {

struct AttentionPlan;
struct Model;
struct ModelSpec;
struct StoreCodebooks;

// Null for stores that need none. `spec` is of the model as it runs under the plan's share. Throws PlanError where codebooks
// are not there, CheckpointError where they cannot be read.
std::shared_ptr<const StoreCodecs> storeCodecs(const std::shared_ptr<const Model>& model, const ModelSpec& spec,
                                               const Store& store);
// Of KIVI.
std::shared_ptr<const StoreCodecs> plainCodecs(const Store& store, const ModelSpec& spec);
// Of what was learnt.
std::shared_ptr<const StoreCodecs> learntCodecs(const StoreCodebooks& books, const ModelSpec& spec);

// One sentence where the plan needs what `fovea calibrate` makes, weights or codebooks, and it is not there, that tells how
// to make it. Looks at the disk.
std::optional<std::string> missingCalibration(const Model& model, const AttentionPlan& plan);

} // namespace fovea
