#pragma once
// What the backend on the GPU does not take, said before anything is copied there.

#include <optional>
#include <string>

namespace fovea {

struct AttentionPlan;
struct Model;

// Why `model` cannot run under `plan` on the GPU, in a sentence that says what to do; empty: it can. `model` is as it runs,
// with what the plan made of its weights.
std::optional<std::string> gpuRefusal(const AttentionPlan& plan, const Model& model);

} // namespace fovea
