#pragma once
// Exact attention of one KV head's query group over a span of its slots.
//   reads   2·n·d elements: each K and V row once, whatever the size of the group (Keys, Values)
//   writes  the span's softmax state, g·(d + 2) floats; where somebody wants to hear them, n·g logits (Scores)
//   work    4·n·d·g flops and n·g exponentials: memory-bound below g ≈ 4
// One task per (KV head, span of slots); a task goes tile by tile, the K rows of a tile and then its V rows,
// so that memory is read in long runs and each score is exponentiated once.

#include <cstdint>

#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"
#include "core/kernels/cpu/softmax_state.h"

namespace fovea::cpu {

// Slots [first, last) of `cache`; q (group, d) fp32, scaled and in the order of arrangement.h, as is
// `state`'s o. `state` is overwritten. Logits are bent by `softcap` (0: none). That of slot s goes to
// spill.to[s] of its query head's row.
void attendAllSpan(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                   const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill = {});
// The same on top of what `state` holds, for the first `group` of its heads.
void attendMoreSlots(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                     const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill = {});

}  // namespace fovea::cpu
