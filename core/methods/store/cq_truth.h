#pragma once
// Coupled Quantisation straight from the paper (cq.h), in ATen.

#include "core/methods/quantise/rtn_truth.h"
#include "core/methods/store/cq.h"

namespace fovea {

// The code of each group of channels, (T, G, d/c) int64, of rows (T, G, d) under centroids (G, d/c, 2^b, c).
at::Tensor cqCodes(const at::Tensor& rows, const at::Tensor& centroids);

// What stands for the rows of T cached tokens, (T, G, d) fp32: the centroids of their codes, the newest as they are. One
// layer's keys before RoPE, or its values. `held` says in which precision the centroids stand.
at::Tensor cqRows(const at::Tensor& rows, const CqParams& params, const at::Tensor& centroids,
                  RtnScale held = RtnScale::Exact);

} // namespace fovea
