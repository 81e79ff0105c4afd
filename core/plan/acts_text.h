#pragma once
// The acts slot of a plan: its text, and what does not go with it.
//
//     acts=rtn:bits=8     acts=smooth:bits=8,alpha=0.5

#include <optional>
#include <string>

#include "core/methods/quantise/acts.h"
#include "core/plan/plan_words.h"

namespace fovea {

struct AttentionPlan;

// Of acts=rtn and smooth; nothing for another value. Throws PlanError.
std::optional<Acts> parseActsMethod(const PlanWord& word);
// "acts=rtn:bits=4"; empty for activations as they come.
std::string actsText(const Acts& acts);
std::optional<std::string> actsRefusal(const AttentionPlan& plan);

} // namespace fovea
