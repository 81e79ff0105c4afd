#pragma once
// Decode attention of one layer under read=topv. Truth: topvTruth.

#include <span>

#include "core/kernels/cpu/attention.h"
#include "core/methods/read/topv.h"

namespace fovea::cpu {

// As attendAll, but of the values those of the k tokens that weigh most in their KV group alone; heads may hold
// unequal numbers of slots. Leaves the chosen slots (G, most of a head) and the kept mass of every query head, as
// alphas, in `scratch`. Per KV head, with n = min(k, S):
//   Keys      S·d·e
//   Scores    4·S·g written, 4·S·g read by the selection, 4·n·g by the sum
//   Indices   4·n written, 4·n read
//   Values    n·d·e
// What one head sees and another does not weighs nothing with the latter, and S counts what any of the group sees. A
// report is of every token, as it weighs before any value is left out: its logits lie there already.
void attendTopv(std::span<const KvView> heads, int group, const TopvParams& params, const float* q,
                float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule = {},
                std::span<const TurnedSlots> turned = {}, std::span<const HeadSight> sights = {},
                ReadReport* report = nullptr);

} // namespace fovea::cpu
