#pragma once
// Everything Quest computes on its way to one output, for tests, the Check and the inspector.

#include <ATen/core/Tensor.h>

namespace fovea {

struct QuestStages {
    at::Tensor
        scores; // (g, N) Σ_i max(q_i·m_i, q_i·M_i), times the scale of logits: no key of the page has more
    at::Tensor group;   // (N) their sum over the heads that see a row of the page: what pages are compared by
    at::Tensor pages;   // (n) int64, sorted, n = min(pages, N)
    at::Tensor slots;   // (rows) int64, sorted: all of their rows
    at::Tensor weights; // (g, rows) softmax(q·K[slots]ᵀ/√d), 0 where the head does not see
    at::Tensor output;  // (g, d)
};

} // namespace fovea
