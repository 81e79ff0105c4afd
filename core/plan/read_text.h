#pragma once
// The read slot of a plan: its text, and which models it does not fit.

#include <optional>
#include <string>

#include "core/plan/attention_plan.h"
#include "core/plan/plan_words.h"

namespace fovea {

// Of read=sparq, read=topv and read=quest; nothing for another value. Throws PlanError.
std::optional<Read> parseReadMethod(const PlanWord& word);
// "read=sparq:r=8"; empty for all.
std::string readText(const Read& read);
std::optional<std::string> readRefusal(const Read& read, const ModelSpec& spec);

} // namespace fovea
