#pragma once
// What the head map and the inspector's query have in common: which keys a query still sees, and SparQ's
// choice among them. Internal to the replay.

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "core/methods/keep/keep_rule.h"

namespace fovea {

class Capture;
struct AttentionPlan;
struct QuestParams;

// What one head's queries see under a plan that acts from decodeFrom on, or whose keep acts from the beginning where it
// masks the prompt, and what is read of its KV head for its group.
class ReplayedKeep {
public:
    // Of the first `tokens` queries. A keep that scores tokens is read from the beginning, which takes a while: a set
    // `cancel` ends that early.
    ReplayedKeep(const AttentionPlan& plan, const Capture& capture, std::int64_t tokens, int layer, int head,
                 std::int64_t decodeFrom, const std::atomic<bool>& cancel);

    // Not all of it where the keep scores tokens: what has left is then in gone() alone.
    const KeepRule& rule(std::int64_t query) const { return query < m_actsFrom ? m_own : m_kept; }
    bool scored() const { return !m_gone.empty(); }
    // How many tokens `query` sees, its own included.
    std::int64_t count(std::int64_t query) const {
        return scored() ? m_counts[static_cast<std::size_t>(query)] : rule(query).seen(query);
    }
    // How many any head of its group does.
    std::int64_t readCount(std::int64_t query) const {
        return scored() ? count(query) : reads(query).seen(query);
    }
    // The first query that the keep acts on.
    std::int64_t actsFrom() const { return m_actsFrom; }
    // The rules of all heads of the layer from there on.
    const LayerKeep& layer() const { return m_layer; }
    // Do heads of its group see different tokens, so that a read that chooses for the group chooses among more than
    // this head sees?
    bool parted(std::int64_t query) const { return query >= m_actsFrom && m_layer.parted(m_kvHead, query); }
    // The model's own window alone: what dense attention sees.
    const KeepRule& own() const { return m_own; }
    // Has the plan dropped anything that this query would see without it?
    bool drops(std::int64_t query) const { return count(query) < m_own.seen(query); }
    // The first query that does not see `key`.
    std::int64_t gone(std::int64_t key) const;
    // What `query` sees, itself included, ascending.
    std::vector<std::int32_t> seen(std::int64_t query) const;
    // What any head of its group sees, in the same way.
    KeepRule reads(std::int64_t query) const;
    std::vector<std::int32_t> read(std::int64_t query) const;
    // (tokens) the first query for which its KV head does not hold each key.
    std::vector<std::int64_t> leaves(std::int64_t tokens) const;

private:
    std::int64_t m_actsFrom;
    LayerKeep m_layer;
    int m_kvHead;
    KeepRule m_own, m_kept;
    std::vector<std::int64_t> m_gone, m_counts; // by key and by query; empty where the keep does not score
};

// Quest's parameters where the plan has it and reads this layer by pages; else null.
const QuestParams* questOf(const AttentionPlan& plan, int layer);

// The k best of scores[0..n), the `local` newest always among them, ascending. Ties go to the lowest index.
// `scratch` keeps its memory.
void chooseRow(std::span<const float> scores, int k, int local, std::vector<float>& scratch,
               std::vector<std::int32_t>& chosen);

} // namespace fovea
