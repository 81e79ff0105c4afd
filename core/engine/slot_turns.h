#pragma once
// Where a step meets sinks at another distance than their own (KeepRule::turns), and by what its queries are turned for them.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/methods/keep/keep_rule.h"
#include "core/model/model_spec.h"

namespace fovea {

// Slots [first, last) are met by queries that were turned by so many positions.
struct SlotTurn {
    std::int64_t first, last, by;
    bool operator==(const SlotTurn&) const = default;
};

// Those that the query at `position` meets so, in order, into `turns`; `view` is of a layer whose KV heads all hold their
// sinks in the same slots.
void findTurns(const KeepRule& rule, const KvView& view, std::int64_t position, std::vector<SlotTurn>& turns);

// Cosines and sines of turns, (rotated/2) each: no attention factor, which a query has already.
class TurnAngles {
public:
    void use(const Rope& rope, int rotated);
    void turnBy(std::int64_t positions);
    std::span<const float> cosines() const { return m_cosine; }
    std::span<const float> sines() const { return m_sine; }

private:
    Rope m_rope;                     // that the frequencies are of
    std::vector<double> m_frequency; // (rotated/2) radians per position
    std::vector<float> m_cosine, m_sine;
};

} // namespace fovea
