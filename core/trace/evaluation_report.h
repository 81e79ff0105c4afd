#pragma once
// Plans that a task has judged, as a table for people and as JSON.

#include <string>
#include <vector>

#include "core/tasks/sweep_table.h"

namespace fovea {

struct EvaluationReport {
    SweepArguments arguments;
    std::vector<PlanScore> plans; // dense first
};

// One row per plan: the metric and its standard error, bytes of attention per token and held, beside dense's.
std::string evaluationText(const EvaluationReport& report);
// The same with every sample's score and formula beside counted. Ends in a newline.
std::string evaluationJson(const EvaluationReport& report);

// The same of a sweep's rows, refused ones with their reason.
std::string sweepText(const SweepTable& table);
std::string sweepJson(const SweepTable& table);

// "0.9375 ± 0.0121", "1.62 ± 0.03": as many digits as the spread leaves meaning. "0.9375" of one sample, which has none.
std::string scoreText(const Spread& score, int samples);
// The columns that a text of this file takes: "±" is one of them and two bytes.
std::size_t columnsOf(const std::string& text);

} // namespace fovea
