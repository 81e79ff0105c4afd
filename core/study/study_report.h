#pragma once
// A study as a table for people and as JSON.

#include <string>

#include "core/study/recommendation.h"

namespace fovea {

// A row per plan: what its steps read beside dense, and what it loses on every question, in per cent of dense. Ends in the
// recommendation and its rule.
std::string studyText(const StudyResult& result, const StudyRule& rule);
// All of it, the statistics too. Ends in a newline.
std::string studyJson(const StudyResult& result, const StudyRule& rule);

// "1.3 %", "45 %"
std::string percentText(double share);

} // namespace fovea
