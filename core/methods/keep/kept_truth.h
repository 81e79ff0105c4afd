#pragma once
// Attention over the tokens that a plan's keep left, whichever method it is: the truth of every dense read.

#include <ATen/core/Tensor.h>

#include "core/model/logit_rule.h"
#include "core/plan/attention_plan.h"

namespace fovea {

class CacheReader;
class RowTurn;

// What a layer sees through: its RoPE, its logits, and whether it has a window of its own, in which no sink
// is met at another distance.
struct KeptLayer {
    const RowTurn& turn;
    LogitRule logits = {};
    bool ownWindow = false;
};

// (g, n) logits of q (g, d), the newest of `positions` (n), against keys (n, d).
at::Tensor keptLogits(const Keep& keep, const KeptLayer& layer, const at::Tensor& q, const at::Tensor& keys,
                      const at::Tensor& positions);
// -> (g, d). `positions` are those of kept's slots.
at::Tensor keptTruth(const Keep& keep, const KeptLayer& layer, const at::Tensor& q, CacheReader& kept,
                     const at::Tensor& positions);

} // namespace fovea
