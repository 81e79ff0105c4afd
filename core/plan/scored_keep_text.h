#pragma once
// The keeps that score tokens, as text: keep=h2o, keep=scissorhands, keep=snapkv. Part of keep_text.h.

#include <optional>
#include <string>

#include "core/plan/attention_plan.h"
#include "core/plan/plan_words.h"

namespace fovea {

// "512", or "10%" of the prompt.
std::string budgetText(const TokenBudget& budget);

// Nothing for another value. Throws PlanError.
std::optional<Keep> parseScoredKeep(const PlanWord& word);
// "keep=h2o:heavy=10%"; empty for another keep.
std::string scoredKeepText(const Keep& keep);
// What is wrong with the values, and what the plan's other slots do not go together with.
std::optional<std::string> scoredKeepRefusal(const AttentionPlan& plan);

} // namespace fovea
