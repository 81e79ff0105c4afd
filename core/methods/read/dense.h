#pragma once
// Dense attention: every live token is read. softmax(q·Kᵀ/√d)·V.
//
// Paper     Vaswani et al., "Attention Is All You Need", arXiv 1706.03762, Eq. 1; with shared KV heads
//           (Shazeer, arXiv 1911.02150; Ainslie et al., arXiv 2305.13245) each K and V row serves g query heads
//           and is read once.
// Symbols   S cached tokens (the current one included), d head_dim, g query heads per KV head

#include "core/cache/traffic.h"
#include "core/model/logit_rule.h"

namespace at {
class Tensor;
}

namespace fovea {

struct StepShape;
class CacheReader;

// Bytes one layer moves in one decode step, all KV heads; derivation beside the code.
Traffic predictDense(const StepShape& shape);
// Live bytes of one layer's cache.
Traffic predictHeldDense(const StepShape& shape);

// q (g, d) fp32 -> (g, d).
at::Tensor denseTruth(const at::Tensor& q, CacheReader& cache, const LogitRule& rule = {});

}  // namespace fovea
