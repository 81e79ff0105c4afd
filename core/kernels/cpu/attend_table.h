#pragma once
// attend_all.h for rows of which the coded ones stand for what tables say (table_rows.h: KVQuant, Coupled Quantisation). A
// tile of keys and then one of values becomes floats that stay in the first cache. Keys are not turned all the way: with
// R(p) = R(far)·R(near) of position p = kTurnNear·far + near,
//
//   query·R(p)·key = (R(far)ᵀ·query)·(R(near)·key)
//
// so the query is turned back by far once for up to kTurnNear rows, and a key meets it while it is turned by near, in
// registers.
//
//   reads   codes and exact rows (Keys, Values), sides (Scales)
//   work    that of rows of floats, a lookup of every code, and of keys 4 more per pair: bound by arithmetic
// Queries and outputs are in order.

#include <cstdint>

#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"
#include "core/kernels/cpu/softmax_state.h"

namespace fovea::cpu {

// Query heads that it serves, at most: their scores of a tile are held side by side.
inline constexpr int kMostTableHeads = 128;

// As attendMoreSlots does; both codecs have tables.
void attendTable(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                 const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill);

} // namespace fovea::cpu
