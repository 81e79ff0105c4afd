#pragma once
// attend_all.h, attend_list.h and score_rows.h for rows that are held as codes: the same sums, formed from the codes
// themselves (coded_rows-inl.h).
//   reads   as those do, ⌈b·d/8⌉ bytes of codes per row (Keys, Values), and each row's scales and zeros (Scales)
//   work    one fused multiply-add per code and query head, and about one and a half instructions to make a float of
//           it: at 8 bits bound by memory, at 4 by both, below by arithmetic
// Queries and outputs are in order: codes are not taken apart as 16-bit floats are (arrangement.h).

#include <cstdint>
#include <span>

#include "core/kernels/cpu/softmax_state.h"
#include "core/cache/kv_view.h"
#include "core/cache/traffic.h"

namespace fovea::cpu {

struct RowTable;

// As attendMoreSlots, attendMoreOfList, addValues and scoreRows do.
void attendCodes(const KvView& cache, std::int64_t first, std::int64_t last, int group, const float* q,
                 const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill);
void attendCodesOfList(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* q,
                       const SoftmaxState& state, float softcap, Traffic& moved, const LogitSpill& spill);
void addCodedValues(const KvView& cache, std::span<const std::int32_t> slots, int group, const float* p,
                    std::int64_t stride, float* o, Traffic& moved);
void scoreCodes(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q, float* scores,
                std::int64_t stride, float* m, float* l, float softcap, Traffic& moved);

}  // namespace fovea::cpu
