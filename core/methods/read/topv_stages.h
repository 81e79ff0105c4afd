#pragma once
// Everything top-k V computes on its way to one output, for tests, the Check and the inspector.

#include <ATen/core/Tensor.h>

namespace fovea {

struct TopvStages {
    at::Tensor logits;  // (g, S) exact
    at::Tensor all;     // (g, S) softmax of the above
    at::Tensor slots;   // (n) int64, sorted, n = min(k, S)
    at::Tensor mass;    // (g) of the weights that are kept, before any renormalisation
    at::Tensor weights; // (g, n) with which the values are summed
    at::Tensor output;  // (g, d)
};

} // namespace fovea
