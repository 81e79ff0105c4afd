#pragma once
// What is to be said beside every figure of a plan that makes another model than was trained.

#include <optional>
#include <string>

namespace fovea {

struct AttentionPlan;
struct ModelSpec;

// "untrained conversion: …; rounded twice: …"; nothing where there is nothing to say.
std::optional<std::string> planNote(const AttentionPlan& plan, const ModelSpec& spec);

} // namespace fovea
