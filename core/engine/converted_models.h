#pragma once
// Models as they run under a plan's share, built once per (model, share) and kept for the next run: sliding another
// parameter converts nothing again. At most kConversionsKept are kept, the longest unused goes first.

#include <atomic>
#include <memory>

#include "core/methods/share/kv_conversion.h"

namespace fovea {

struct Model;

inline constexpr std::size_t kConversionsKept = 2; // plans A and B

// `model` itself where the share is its own. May wait for a conversion on another thread; not for the interface's.
// Null when cancelled.
std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share,
                                            const ConversionProgress& progress,
                                            const std::atomic<bool>& cancel);
std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share);
// Is it there already?
bool isConverted(const std::shared_ptr<const Model>& model, const Share& share);
// Lets go of what was made of models that nobody else holds any more.
void forgetClosedModels();

} // namespace fovea
