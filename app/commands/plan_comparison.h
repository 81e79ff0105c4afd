#pragma once
// Runs plans against each other. The first chooses its tokens; then every plan, the first too, is
// teacher-forced on those, so that step i of each has read the same tokens and KL and top-1 are per step.
// Each other plan also runs freely once, to tell where its own text would have gone another way.

#include <atomic>
#include <functional>
#include <vector>

#include "app/commands/run_options.h"
#include "core/trace/compare_report.h"

namespace fovea {

// Steps that comparePlans takes at most, for progress.
std::int64_t comparisonSteps(const PreparedRun& prepared, std::size_t plans);

// `onStep` hears every decode step. Throws PlanError, EngineError; Interrupted once `cancel` is set.
CompareReport comparePlans(const PreparedRun& prepared, const std::vector<AttentionPlan>& plans,
                           const std::function<void()>& onStep, const std::atomic<bool>& cancel);

} // namespace fovea
