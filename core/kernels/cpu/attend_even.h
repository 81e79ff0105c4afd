#pragma once
// attend_all.h for rows of which the coded ones have even levels (EvenCodes: KIVI). No row is decoded: with
// x̂ = q·s + m, and codes of the rows of a run,
//
//   query·key        Σ_c y_c·(q_c·s_c + m_c) = Σ_c (y_c·s_c)·q_c + Σ_c y_c·m_c    s and m of a channel, the same for a run:
//                    they are folded into the query once per run
//   weighted values  Σ_i p_i·(q_i·s_i + m_i) = Σ_i (p_i·s_i)·q_i + Σ_i p_i·m_i    s and m of a row: folded into its weight
//
//   reads   codes and exact rows (Keys, Values), sides (Scales): those of keys once per run
//   work    that of coded rows (attend_codes.h), and 2·d per run and query head
// Queries and outputs are in order.

#include <cstdint>

#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"
#include "core/kernels/cpu/softmax_state.h"

namespace fovea::cpu {

// As attendMoreSlots does; the codecs of keys and values are even, and of as many bits.
void attendEven(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill);

} // namespace fovea::cpu
