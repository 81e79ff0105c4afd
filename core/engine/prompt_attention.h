#pragma once
// A prompt's attention on the CPU backend, by core/kernels/cpu/attend_prompt.h. Truth: cachedAttention.

#include <ATen/core/Tensor.h>

namespace fovea {

class KvCache;
struct PrefillSight;

// What cachedAttention gives, (1, H, T, d), each token's heads side by side in memory. Undefined where the kernel cannot:
// sinks are met at another distance, or a value held is not finite, which only cachedAttention keeps from those that do not
// see it.
at::Tensor cachedAttentionByKernel(const at::Tensor& q, const KvCache& cache, int layer,
                                   const PrefillSight& sight);

} // namespace fovea
