#pragma once
// Plans held against the first of them on the same tokens, as a table and as JSON.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/compare.h"
#include "core/engine/run.h"
#include "core/trace/chrome_trace.h"

namespace fovea {

struct PlanResult {
    std::shared_ptr<const Run> run; // teacher-forced on the tokens that the first plan chose
    Comparison comparison;          // against the first plan; trivial for the first itself
    // Position fed at the first step where the plan, left to choose its own tokens, chose another than the
    // first plan did; empty when it never did, and for the first plan itself.
    std::optional<std::int64_t> freeDivergent;
};

struct CompareReport {
    std::string text; // prompt and what the first plan chose, decoded
    std::vector<PlanResult> plans;
};

// One row per step and plan: bytes moved (formula and counted, by component), held, seconds, KL.
std::string compareCsv(const CompareReport& report);
// Per plan the summary and its steps. Ends in a newline.
std::string compareJson(const CompareReport& report);
// Labelled "A: dense", "B: read=sparq:r=8", …
std::vector<TracedRun> tracedRuns(const CompareReport& report);

} // namespace fovea
