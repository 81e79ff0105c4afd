#pragma once
// What `fovea bench all --device cuda` times.

#include "core/bench/device_bench.h"

namespace fovea {

// Dense and SparQ over batches and contexts, in the shape of SparQ's microbenchmarks (Ribar et al., arXiv 2312.04985:
// 32 heads, d = 128, f16); dense attention by B·S·G until the card is full; rounded rows; products of a model of 7 billion weights.
DeviceBenchOptions deviceSuite();

} // namespace fovea
