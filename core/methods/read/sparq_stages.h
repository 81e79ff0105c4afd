#pragma once
// Everything SparQ computes on its way to one output, for tests, the Check and the inspector.

#include <ATen/core/Tensor.h>

namespace fovea {

struct SparqStages {
    at::Tensor components;   // (r) int64, sorted: i1
    at::Tensor tau;          // (g)
    at::Tensor logits;       // (g, S) q[i1]·K[:, i1]ᵀ / tau
    at::Tensor approximate;  // (g, S) softmax of the above: ŝ
    at::Tensor slots;        // (n) int64, sorted, n = min(k, S): i2
    at::Tensor alpha;        // (g); 1 when alpha is off
    at::Tensor weights;      // (g, n) softmax(q·K[i2]ᵀ/√d)
    at::Tensor output;       // (g, d)
};

}  // namespace fovea
