#pragma once
// Decode attention of one layer on the CPU: q against the cache of all KV heads. Truths: denseTruth, sparqTruth.

#include <cstdint>
#include <span>
#include <vector>

#include "core/cache/kv_view.h"
#include "core/cache/ledger.h"
#include "core/methods/read/sparq.h"

namespace fovea::cpu {

// Scratch that lives as long as a session, so that a step allocates nothing once it is warm.
struct AttentionScratch {
    std::vector<float> partials;             // merged softmax states of spans
    std::vector<float> scores;               // (H, S)
    std::vector<std::int32_t> components;    // (G, r)
    std::vector<std::int32_t> slots;         // (G, min(k, S)) sorted
    std::vector<float> alphas, taus;         // (H)
};

// q, out (H, d) fp32; heads: G views of equal size; H = G·group. The ledger hears every span handed to a loop.
void attendAll(std::span<const KvView> heads, int group, const float* q, float* out, AttentionScratch& scratch,
               Ledger& ledger);

// Stages 1-5 of SparQ. Leaves the chosen slots and alphas in `scratch`.
void attendSparq(std::span<const KvView> heads, int group, const SparqParams& params, const float* q, float* out,
                 AttentionScratch& scratch, Ledger& ledger);

}  // namespace fovea::cpu
