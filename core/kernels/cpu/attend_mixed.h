#pragma once
// attend_all.h, attend_list.h and score_rows.h for rows of which some are codes and some exact (core/cache/mixed_rows.h): a
// tile of them is read into floats that stay in the first caches, and goes the way of rows of floats.
//   reads   what MixedRows::read counts: codes and exact rows (Keys, Values), sides (Scales)
//   work    that of rows of floats, and the codec's: bound by arithmetic where codes are few bits
// Queries and outputs are in order, as for fp32.

#include <cstdint>
#include <span>

#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"
#include "core/kernels/cpu/softmax_state.h"

namespace fovea::cpu {

struct RowTable;

// As attendMoreSlots, attendMoreOfList, addValues and scoreRows do.
void attendMixed(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                 const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill);
void attendMixedOfList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                       const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill);
void addMixedValues(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
                    std::int64_t stride, float* o, Traffic& moved);
void scoreMixed(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q, float* scores,
                std::int64_t stride, float* m, float* l, float softcap, Traffic& moved);

} // namespace fovea::cpu
