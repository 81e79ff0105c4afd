#pragma once
// KVQuant straight from the paper (kvquant.h), in ATen.

#include <ATen/core/Tensor.h>

#include "core/methods/quantise/rtn_truth.h"
#include "core/methods/store/kvquant.h"

namespace fovea {

// What was learnt for one layer's keys, or its values.
struct KvquantTable {
    at::Tensor offset, range; // (G, d) of keys; undefined of values, which have theirs per token
    at::Tensor levels;        // C (2^b) ascending, on [−1, 1]
    at::Tensor read;          // R (2^b); C itself without Q-Norm
};

// The q-th quantile, 0 <= q <= 1, along the last dimension, linear between neighbours: (…) fp64 of (…, n), n >= 1. Of any
// number of them, which at::quantile refuses beyond 16 million.
at::Tensor quantileOf(const at::Tensor& x, double q);

// The number of the nearest level, the lower among equals: (…) int64 of (…) fp64.
at::Tensor nearestLevel(const at::Tensor& x, const at::Tensor& levels);

// The range of numbers that lie along the last dimension, x (…, n): offset and range, (…, 1) fp64 each.
struct KvquantRange {
    at::Tensor offset, range;
};
KvquantRange kvquantRange(const at::Tensor& x, const KvquantParams& params);

// What stands for the rows of T cached tokens, (T, G, d) fp32, each KV head by itself: keys before RoPE, values. `scale` says in which precision
// offsets, ranges and outliers stand.
at::Tensor kvquantKeys(const at::Tensor& keys, const KvquantParams& params, const KvquantTable& table,
                       RtnScale scale = RtnScale::Exact);
at::Tensor kvquantValues(const at::Tensor& values, const KvquantParams& params, const KvquantTable& table,
                         RtnScale scale = RtnScale::Exact);

} // namespace fovea
