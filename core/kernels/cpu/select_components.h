#pragma once
// SparQ, stage 1: which components of q to look at, and how hot the approximate softmax is.

#include <cstdint>
#include <span>

#include "core/methods/read/sparq.h"
#include "core/model/logit_rule.h"

namespace fovea::cpu {

// i1 = topk_r(Σ over the group |q|): `components` (r) of q (group, d), ascending; ties go to the lowest index.
// `memory` (2, d) is scratch.
void selectComponents(const float* q, int group, int dims, std::span<std::int32_t> components,
                      float* memory);

// τ = √(d·‖q[i1]‖₁/‖q‖₁) of one query head q (d), or √d when `params.tau` is off; a model that scales its
// logits by another s than 1/√d has 1/s in place of √d. A head whose chosen components are all 0 has no
// temperature (the paper's is 0 and its logits 0/0): √d, so its logits are 0.
float temperature(const SparqParams& params, const float* q, int dims,
                  std::span<const std::int32_t> components, const LogitRule& rule = {});

}  // namespace fovea::cpu
