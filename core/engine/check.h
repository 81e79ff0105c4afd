#pragma once
// Two backends on the same tokens, step by step, and where they differ most.
//
// The first backend chooses each token (greedily) and both are fed it. In every layer the second's q, k and v are
// compared with the first's and then replaced by them, so that both caches hold the same rows: what attention makes of
// them differs by what the two attentions do, not by what earlier layers and steps left behind. The residual stream
// stays each backend's own, and the logits carry what all layers of one step added to it.
//
// The prompt is read by libtorch on both sides, the same way; its last token is the first step. Whether that way is right
// is another question, asked first where it is wanted (check_prompt.h).
//
// An error is relative to the largest number of what is compared: one head's vector at one step, or one step's logits.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/check_prompt.h"
#include "core/engine/check_times.h"
#include "core/engine/deviation.h"
#include "core/engine/session.h"

namespace fovea {

struct CheckStep {
    std::int64_t position = 0;
    int fed = 0;
    int chosen[2] = {}; // by each backend, of its own logits
    Deviation logits;
    std::vector<Deviation> layers; // (L), the largest of attention
    bool sameBytes = true;         // both moved and held the same, counted, in every component
};

struct CheckReport {
    std::string model, backends[2];
    AttentionPlan plan;
    std::string store; // type of the cached rows
    double tolerance = 0;
    std::int64_t promptTokens = 0, decodeFrom = 0;
    std::vector<CheckStep> steps;
    int queryHeads = 0, kvHeads = 0;
    std::vector<Deviation> heads;         // (L, H), the largest of attention over all steps
    std::vector<Deviation> parts;         // (kCheckedParts), the largest of each
    Deviation largest;                    // of all parts
    std::optional<Deviation> firstBeyond; // the first met beyond the tolerance: where to begin to look
    std::int64_t agreeing = 0;            // steps at which both chose the same token
    bool sameBytes() const;               // at every step
    std::optional<PromptCheck> prompt;    // empty: not asked for
    std::vector<CheckedWay> ways;         // the same
    bool within() const { return !firstBeyond && sameBytes() && (!prompt || prompt->within()); }
};

struct CheckOptions {
    Backend backends[2] = {Backend::Reference, Backend::Cpu};
    std::int64_t tokens = 16;     // steps
    std::int64_t decodeFrom = -1; // where the plan acts from; -1: the prompt's length
    double tolerance = 0;         // relative; 0: checkTolerance of the store
    bool prompt = false;          // check how the prompt is read, too
    bool ways = false;            // then make the same steps in every way there is, and take their time
    // Told of what the second backend takes and gives before it is compared, and free to change it: faults are planted
    // here.
    AttentionTap* onSecond = nullptr;
};

// What fp32 sums in another order, over rows held in `store`, differ by at most; see check.cpp for what was measured.
double checkTolerance(ElementType store);

// Called after each step, and before those after each token of a prompt that is checked; return false to stop.
using CheckObserver = std::function<bool(const CheckReport& soFar)>;

// What was checked when it ended early is in the report. Throws PlanError and EngineError as sessions do, and
// std::invalid_argument where both backends are the same.
CheckReport checkBackends(std::shared_ptr<const Model> model, const AttentionPlan& plan,
                          std::span<const int> prompt, const CheckOptions& options,
                          const CheckObserver& observer, const std::atomic<bool>& cancel);

} // namespace fovea
