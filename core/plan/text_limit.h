#pragma once
// How long a text may grow under a plan.

#include <cstdint>

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

// Positions: the model's context, for no model is trained for a longer distance; without a limit
// (KeepRule::kUnbounded) where every layer's keep bounds the distances themselves, which is what
// positions=cache, LM-Infinite and a window without sinks are for. A prompt is read before the plan acts, and
// must fit the context all the same.
std::int64_t textLimit(const AttentionPlan& plan, const ModelSpec& spec);

} // namespace fovea
