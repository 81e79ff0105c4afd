#pragma once
// Exact attention of one KV head's query group over a list of its slots (SparQ, stage 5 without the mean).
//   reads   n slots (Indices), 2·n·d elements: each listed K and V row once (Keys, Values)
//   writes  the list's softmax state, g·(d + 2) floats
//   work    4·n·d·g flops and n·g exponentials; rows lie scattered, so it is bound by latency: rows are
//           prefetched eight ahead
// One task per KV head.

#include <cstdint>
#include <span>

#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"
#include "core/kernels/cpu/softmax_state.h"

namespace fovea::cpu {

// q (group, d) fp32, scaled and in the order of arrangement.h, as is `state`'s
// o. `state` is overwritten. Logits are bent by `softcap` (0: none). Rows that are not listed are not
// touched. The logit of slots[i] goes to spill.to[i] of its query head's row (Scores).
void attendList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill = {});
// The same on top of what `state` holds, for the first `group` of its heads.
void attendMoreOfList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                      const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill = {});

// o (group, d), in the order of arrangement.h, += Σ p[h·stride + i]·V[slots[i]]: the values alone, with weights that are
// known already (top-k V).
//   reads   n slots (Indices), n·d elements (Values)
void addValues(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
               std::int64_t stride, float* o, Traffic& moved);

}  // namespace fovea::cpu
