#pragma once
// Hears what queries give to tokens, for a plan whose keep ranks tokens by that, and drops who ranks lowest. It hears
// from the first token on, prefill and steps before the plan acts included: the prompt is what the first choice is made
// by. H2O and Scissorhands hear every read; SnapKV keeps the last queries of the prompt and asks once, by the truth on
// either backend. Where layers read one KV their queries count together, for the rows of its owner.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"
#include "core/engine/row_scores.h"
#include "core/kernels/cpu/attention.h"
#include "core/model/model_spec.h"

namespace fovea {

class KvCache;
struct AttentionPlan;

class KeepObserver {
public:
    // `plan` and `spec` must outlive it. By the truths, or by what is as fast as the kernels.
    KeepObserver(const AttentionPlan& plan, const ModelSpec& spec, int slotsPerBlock, bool truths);
    ~KeepObserver();

    // Must a read of any layer report?
    bool hearsReads() const { return !m_lanes.empty(); }

    // The query of the newest token of `layer`, (H, d) after RoPE.
    void asked(int layer, std::int64_t position, const float* q, Ledger& ledger);
    // The newest tokens of a prompt, read at once.
    void prefilled(int layer, int kvHead, const KvView& view, const HeardWeights& heard);
    // A decode step's read of all KV heads, from its kernel's report; or of one head as weights (S) in slot order,
    // summed over the group.
    void heard(int layer, std::span<const KvView> views, const cpu::ReadReport& report, Ledger& ledger);
    void heard(int layer, int kvHead, const KvView& view, std::span<const float> weights, Ledger& ledger);

    // Before the query at `next`: what it does not see leaves `layer`, an owner. `prompt`: tokens before the plan acted; -1: it
    // does not yet.
    void evict(KvCache& cache, int layer, std::int64_t next, std::int64_t prompt, Ledger& ledger);

    Traffic held(const KvCache& cache) const; // live bytes
    std::int64_t reserved() const;            // bytes taken

private:
    struct Votes; // queries of SnapKV's window, of one layer

    RowScores& lane(int layer, int kvHead) const; // its owner's
    int placeOf(int layer) const;                 // among those who read the same
    void hearHead(int layer, int kvHead, const KvView& view, const cpu::ReadReport& report, Traffic& moved);
    void findLeaving(KvCache& cache, int layer, int kvHead, std::int64_t next, std::int64_t prompt,
                     Ledger& ledger);
    std::vector<std::int64_t> unvoted(KvCache& cache, int layer, int kvHead, Ledger& ledger) const;

    const AttentionPlan& m_plan;
    const ModelSpec& m_spec;
    std::vector<std::vector<int>> m_readers; // (layers) that read the KV which each reads, its owner first
    std::vector<std::unique_ptr<RowScores>> m_lanes; // (layers, G), of owners
    std::vector<Votes> m_votes;                      // (layers)
    std::vector<std::vector<float>> m_listed;        // (G) scratch: weights of listed rows
    std::vector<std::int64_t> m_leaving;             // scratch: places that leave one KV head
    std::vector<std::int32_t> m_slots;               // and their slots
};

} // namespace fovea
