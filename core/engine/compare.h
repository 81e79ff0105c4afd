#pragma once
// Two runs of the same tokens, held against each other.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/engine/run.h"

namespace fovea {

struct Comparison {
    std::vector<float> kl; // per step, KL(baseline || other) in nats
    double klMean = 0, klMax = 0;
    double agreement = 0;                       // share of steps whose top-1 token is the same
    std::optional<std::int64_t> firstDivergent; // position of the first step whose top-1 differs
};

// Both runs must have kept their logits and hold the same steps (teacher-forced); the shorter length counts.
Comparison compareRuns(const Run& baseline, const Run& other);

} // namespace fovea
