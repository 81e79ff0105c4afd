#pragma once
// One layer's attention without a model: a text of random rows in the engine's own cache, under a plan, read by the
// engine's own step. What is measured is what a session does between projections.

#include <cstdint>
#include <memory>
#include <vector>

#include "core/cache/ledger.h"
#include "core/engine/layer_attention.h"
#include "core/engine/layer_keeps.h"
#include "core/engine/sequence.h"
#include "core/model/model_spec.h"
#include "core/plan/attention_plan.h"

namespace fovea {

struct BenchShape {
    std::int64_t context = 32768; // S, cached tokens before the plan acts
    int heads = 8, kvHeads = 8;   // H, G; G divides H
    int headDim = 128;            // d
};

// The model of this one layer, without weights. A plan without `store` runs on f32.
ModelSpec benchSpec(const BenchShape& shape);
// The plan as one layer runs it: one that it reads sparsely, not among those that Quest skips.
AttentionPlan benchPlan(AttentionPlan plan);

class BenchLayer {
public:
    // Fills the cache; then the plan acts, and what it does not keep leaves. Throws std::bad_alloc.
    BenchLayer(const BenchShape& shape, const AttentionPlan& plan);

    // One step. Where the keep drops tokens that is all of it: a row comes, is attended to with all others, and what the
    // next query will not see leaves. Where every token stays the same rows are attended to again and again, so that
    // every step moves the same.
    void step();
    // One more step, and what it moved. The formula is of a whole step, so it is what was counted only where the keep
    // drops tokens.
    StepCost cost();

private:
    void fill(std::int64_t tokens);
    void append(std::int64_t position);

    ModelSpec m_spec;
    AttentionPlan m_plan;
    LayerKeeps m_keeps;
    Ledger m_ledger;
    Sequence m_text;
    LayerAttention m_attention;
    bool m_drops; // the keep does
    std::uint64_t m_random = 0x9E3779B97F4A7C15ull;
    std::vector<float> m_q, m_k, m_v, m_out; // (H, d), (G, d), (G, d), (H, d)
};

} // namespace fovea
