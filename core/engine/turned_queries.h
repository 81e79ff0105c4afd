#pragma once
// The queries with which a step on the CPU meets sinks at another distance than their own (KeepRule::turns).

#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/engine/slot_turns.h"
#include "core/kernels/cpu/attention.h"
#include "core/methods/keep/keep_rule.h"
#include "core/model/model_spec.h"

namespace fovea {

class TurnedQueries {
public:
    // For the query at `position`, q (H, d) after RoPE, of a layer whose KV heads all hold the sinks of
    // `view` in the same slots. Good until the next call. Rotations of the few queries are all it costs: no
    // stored row is touched.
    std::span<const cpu::TurnedSlots> of(const KeepRule& rule, const ModelSpec& spec, int layer,
                                         const KvView& view, std::int64_t position, std::span<const float> q);

private:
    TurnAngles m_angles;
    std::vector<SlotTurn> m_turns;
    std::vector<cpu::TurnedSlots> m_slots;
    std::vector<float> m_queries; // (slots, H, d)
};

} // namespace fovea
