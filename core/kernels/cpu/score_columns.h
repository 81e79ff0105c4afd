#pragma once
// Approximate logits of a span of slots from r components of K (SparQ, stage 2).
//   reads   r·n elements of the component-major copy, once for the whole query group (KeyColumns)
//   writes  n·g fp32 logits (Scores) and, where the softmax is wanted, its (m, l) per query head
//   work    2·r·n·g flops and n·g exponentials: memory-bound below g ≈ 8
// One task per (KV head, span of slots). Within a block a column is one contiguous run; four columns at a time
// are added to the block's logits, which stay in L1, while the next four are prefetched.

#include <cstdint>
#include <span>

#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"

namespace fovea::cpu {

// logits[h·stride + slot] for slots [first, last) of `cache`; q (group, r) holds the chosen components,
// already divided by tau; logits are then bent by `softcap` (0: none). m, l (group) are overwritten, or null
// when no softmax is wanted.
void scoreColumns(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                  std::span<const std::int32_t> components, const float* q, float* logits,
                  std::int64_t stride, float* m, float* l, float softcap, Traffic& moved);
// The same on top of what m and l hold.
void scoreMoreColumns(const KvView& cache, std::int64_t first, std::int64_t last, int group,
                      std::span<const std::int32_t> components, const float* q, float* logits,
                      std::int64_t stride, float* m, float* l, float softcap, Traffic& moved);

}  // namespace fovea::cpu
