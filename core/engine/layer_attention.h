#pragma once
// What one layer's attention makes of a step on the CPU kernels, for one text or several at once: their KV heads are
// read in one pass, however many rows each holds.

#include <span>
#include <vector>

#include "core/engine/decode_path.h"
#include "core/engine/turned_queries.h"
#include "core/kernels/cpu/attention.h"

namespace fovea {

class LayerAttention {
public:
    // All of it outlives this.
    LayerAttention(const AttentionPlan& plan, const ModelSpec& spec, const LayerKeeps& keeps, Ledger& ledger);

    // q (n, H, d) after RoPE, of n sequences whose newest token every cache has -> out (n, H, d).
    void attend(int layer, std::span<const Feed> feeds, bool planned, std::span<const float> q,
                std::span<float> out);

private:
    void attendTogether(int layer, std::span<const Feed> feeds, bool planned, std::span<const float> q,
                        float* out);
    std::span<const cpu::HeadSight> sightsOf(int layer, std::span<const Feed> feeds);

    const AttentionPlan& m_plan;
    const ModelSpec& m_spec;
    const LayerKeeps& m_keeps;
    Ledger& m_ledger;
    bool m_apart;                         // texts are read one after the other
    std::vector<KvView> m_views;          // (n·G)
    std::vector<cpu::HeadSight> m_sights; // (n·H) or empty
    cpu::AttentionScratch m_scratch;
    cpu::ReadReport m_report;
    TurnedQueries m_turned;
};

} // namespace fovea
