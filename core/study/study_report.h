#pragma once
// A study as a table for people and as JSON.

#include <string>

#include "core/study/recommendation.h"
#include "core/study/study_losses.h"

namespace fovea {

// A row per plan: what its steps read beside dense, and what it loses on every question, in per cent of dense. Ends in the
// recommendation and its rule.
std::string studyText(const StudyResult& result, const StudyRule& rule);
// All of it, the statistics too. Ends in a newline.
std::string studyJson(const StudyResult& result, const StudyRule& rule);

// "1.3 %", "45 %"
std::string percentText(double share);
// In per cent, for a column: "0.7 ± 0.2"; "0.7" of one sample, which has no spread.
std::string lossText(const Loss& loss);
// The same for a sentence: "0.72 % ± 0.2 %".
std::string lossPercentText(const Loss& loss);

} // namespace fovea
