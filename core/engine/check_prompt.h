#pragma once
// Is a prompt read rightly? A session reads it in chunks through libtorch's GEMM; here the same tokens go one by one
// through a backend's decode step as well, the plan's read off and its keep acting where the plan masks its prefill. In
// every layer the two have then given every token the same q, k and v (those of a layer are what attention made of
// the prompt in the layers below it), and the first step the same logits: but for the order of sums, and for rows that
// a last bit rounded to another value of the store.
//
// Where RoPE changes with the length of the text (dynamic scaling) a prompt is turned as one and single tokens are not:
// such a model's prompt is not checked.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/engine/deviation.h"
#include "core/engine/session.h"

namespace fovea {

struct PromptCheck {
    std::int64_t tokens = 0; // of the prompt, read so far
    double tolerance = 0;
    std::vector<Deviation> layers; // (L) the largest of q, k and v; `step` is the position
    Deviation logits;              // of the first step after it
    Deviation largest;             // of all
    bool sameRows = true;          // both hold as many rows, in as many bytes
    bool done = false;
    std::string notChecked; // why not, as a sentence; empty: it was
    bool within() const;
};

// What fp32 sums in another order over rows in `store` differ by at most after all layers of a prompt; see the source for
// what was measured.
double promptTolerance(ElementType store);

// Bytes that the check holds: two sessions and what they capture.
std::int64_t promptCheckBytes(const ModelSpec& spec, const AttentionPlan& plan, std::int64_t promptTokens);

// `tolerance` 0: promptTolerance of the store. `progress` hears after each token; false stops it. `planted` hears the
// tokens that go one by one and is free to change what it hears: faults are planted there. Throws PlanError and EngineError
// as sessions do.
PromptCheck checkPrompt(std::shared_ptr<const Model> model, const AttentionPlan& plan,
                        std::span<const int> prompt, Backend backend, double tolerance,
                        const std::function<bool(const PromptCheck&)>& progress,
                        const std::atomic<bool>& cancel, AttentionTap* planted = nullptr);

} // namespace fovea
