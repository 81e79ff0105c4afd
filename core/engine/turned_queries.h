#pragma once
// The queries with which a step on the CPU meets sinks at another distance than their own (KeepRule::turns).

#include <span>
#include <vector>

#include "core/cache/kv_view.h"
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
    void useRope(const Rope& rope, int rotated);

    Rope m_rope;                        // that the frequencies are of
    std::vector<double> m_frequency;    // (rotated/2) radians per position
    std::vector<float> m_cosine, m_sine; // of one turn
    std::vector<cpu::TurnedSlots> m_slots;
    std::vector<std::int64_t> m_turns; // positions by which each of m_slots turns q
    std::vector<float> m_queries;      // (slots, H, d)
};

} // namespace fovea
