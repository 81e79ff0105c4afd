#pragma once
// The ways in which this machine can make a step, side by side: how long each takes, and how far its logits are from
// libtorch's. Each is a run of its own on the same tokens, one after the other, with nobody listening.

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/deviation.h"
#include "core/plan/attention_plan.h"

namespace fovea {

struct Model;

struct CheckedWay {
    std::string name;   // "libtorch", "CPU kernels", "GPU kernels", "GPU kernels, one graph"
    std::string whyNot; // it cannot be gone, in a sentence; then there is nothing else
    int steps = 0;      // that were timed: all but the first two, which find memory cold
    double medianSeconds = 0, spread = 0; // of a step; spread: interquartile range
    Deviation logits; // the largest over all steps, from the first way's; of the first itself 0
};

// `fed` follows the prompt's last token; `decodeFrom` as in CheckOptions. What was done when it was cancelled. Throws as
// sessions do.
std::vector<CheckedWay> timeWays(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                                 std::span<const int> prompt, std::span<const int> fed,
                                 std::int64_t decodeFrom, const std::atomic<bool>& cancel);

} // namespace fovea
