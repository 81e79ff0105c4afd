#pragma once
// The keep slot of a plan: its text, and what it does not go together with.

#include <optional>
#include <string>

#include "core/plan/attention_plan.h"
#include "core/plan/plan_words.h"

namespace fovea {

// Of every keep but all; nothing for another value. Throws PlanError.
std::optional<Keep> parseKeepMethod(const PlanWord& word);
// "keep=streaming:window=252"; empty for all.
std::string keepText(const Keep& keep, SpansText spans = SpansText::Named);
std::optional<std::string> keepRefusal(const AttentionPlan& plan, const ModelSpec& spec);

} // namespace fovea
