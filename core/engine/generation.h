#pragma once
// What generating one text and several have in common. Internal to generate.cpp and batch.cpp.

#include <cstdint>
#include <span>

#include "core/engine/session.h"

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

// Throws EngineError for a prompt that is empty or longer than the context.
void requirePrompt(std::span<const int> prompt, std::int64_t context);
// How many steps a prompt is followed by: the first feeds its last token, so N steps need P - 1 + N places.
std::int64_t stepsAfter(std::int64_t promptTokens, const AttentionPlan& plan, const ModelSpec& spec,
                        const GenerateOptions& options);
// Does a text end with `token`, where ends are heeded?
bool endsText(int token, const GenerateOptions& options);

} // namespace fovea
