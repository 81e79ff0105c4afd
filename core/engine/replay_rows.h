#pragma once
// What the head map and the inspector's query have in common: which keys a query still sees, and SparQ's
// choice among them. Internal to the replay.

#include <cstdint>
#include <span>
#include <vector>

#include "core/methods/keep/keep_rule.h"

namespace fovea {

class Capture;
struct AttentionPlan;
struct QuestParams;

// What a layer's queries see under a plan that acts from decodeFrom on.
class ReplayedKeep {
public:
    ReplayedKeep(const AttentionPlan& plan, const Capture& capture, int layer, std::int64_t decodeFrom);

    const KeepRule& rule(std::int64_t query) const { return query < m_decodeFrom ? m_own : m_kept; }
    // The model's own window alone: what dense attention sees.
    const KeepRule& own() const { return m_own; }
    // Has the plan dropped anything that this query would see without it?
    bool drops(std::int64_t query) const { return rule(query).seen(query) < m_own.seen(query); }
    // The first query that does not see `key`.
    std::int64_t gone(std::int64_t key) const;
    // What `query` sees, itself included, ascending.
    std::vector<std::int32_t> seen(std::int64_t query) const;

private:
    std::int64_t m_decodeFrom;
    KeepRule m_own, m_kept;
};

// Quest's parameters where the plan has it and reads this layer by pages; else null.
const QuestParams* questOf(const AttentionPlan& plan, int layer);

// The k best of scores[0..n), the `local` newest always among them, ascending. Ties go to the lowest index.
// `scratch` keeps its memory.
void chooseRow(std::span<const float> scores, int k, int local, std::vector<float>& scratch,
               std::vector<std::int32_t>& chosen);

} // namespace fovea
