#pragma once
// Models as they run under a plan: opened from where a calibration left them, where the plan runs on one; sharing KV as its
// share says, then with weights rounded as it says. Each of these is made once per model and value and kept for the next
// run: sliding another parameter makes nothing again. At most kConversionsKept of each are kept, the longest unused goes
// first.

#include <atomic>
#include <memory>

#include "core/methods/quantise/rounded_weights.h"
#include "core/methods/share/kv_conversion.h"

namespace fovea {

struct AttentionPlan;
struct Model;

inline constexpr std::size_t kConversionsKept = 2; // plans A and B

// `model` itself where the plan leaves it as it is. May wait for a conversion on another thread; not for the
// interface's. Null when cancelled. `progress` may be empty, and hears of both in turn. Throws PlanError for weights
// that cannot be rounded or were not calibrated, CheckpointError for a calibration that cannot be read.
std::shared_ptr<const Model> modelUnder(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                                        const ConversionProgress& progress, const std::atomic<bool>& cancel);
std::shared_ptr<const Model> modelUnder(const std::shared_ptr<const Model>& model, const AttentionPlan& plan);
// Is it there already?
bool isThere(const std::shared_ptr<const Model>& model, const AttentionPlan& plan);

// The same of a share alone.
std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share,
                                            const ConversionProgress& progress,
                                            const std::atomic<bool>& cancel);
std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share);
bool isConverted(const std::shared_ptr<const Model>& model, const Share& share);

// Lets go of what was made of models that nobody else holds any more.
void forgetClosedModels();

} // namespace fovea
