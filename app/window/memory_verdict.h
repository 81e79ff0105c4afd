#pragma once
// Will a run fit this machine? Asked before a model is opened and before every run, answered by a formula.

#include <cstdint>
#include <vector>

#include "core/engine/memory_estimate.h"
#include "core/model/model_spec.h"

namespace fovea {

struct RunRequest;

// What the user allows, from the preferences.
struct RunLimits {
    std::int64_t memoryBudget = 0; // bytes; 0: no limit
    std::int64_t captureBudget = 512'000'000;
};

struct MemoryVerdict {
    ModelSpec spec;
    MemoryQuestion question;
    MemoryEstimate estimate;
    std::int64_t budget = 0; // bytes; 0: no limit
    std::vector<MemoryOffer> offers;

    bool fits() const { return budget <= 0 || estimate.total() <= budget; }
};

// Of A and B side by side, as advancePair() runs them.
MemoryQuestion questionOf(const RunRequest& request);
MemoryVerdict judge(const ModelSpec& spec, const MemoryQuestion& question, std::int64_t budget);
// Bytes of `share` of this machine's memory; 0 where it does not say how much it has.
std::int64_t memoryBudgetOf(double share);

} // namespace fovea
