#pragma once
// Decode attention of one layer under read=quest. Truth: questTruth.

#include <cstdint>
#include <span>

#include "core/kernels/cpu/attention.h"
#include "core/methods/read/quest.h"

namespace fovea::cpu {

// As attendAll, but of the rows those of the chosen pages alone; the views have bounds of params.page slots, and may
// hold unequal numbers of slots. Leaves the chosen pages (G, most of a head) in `scratch`. Returns how many heads chose
// the last page of their slots, which may be short. Per KV head, with N pages, n of them chosen with R rows:
//   Bounds    N·2·d·e
//   Scores    4·N written, 4·(N - 1) read: the newest token's page needs none
//   Indices   4·n written, 4·n read; 4·R written, 4·R read
//   Keys      R·d·e
//   Values    R·d·e
std::int64_t attendQuest(std::span<const KvView> heads, int group, const QuestParams& params, const float* q,
                         float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule = {});

// Its first two stages for one head alone, on the calling thread: the pages that the queries q (group, d) choose, sorted.
// Good until `scratch` is used again.
std::span<const std::int32_t> choosePages(const KvView& head, int group, const QuestParams& params,
                                          const float* q, AttentionScratch& scratch,
                                          const LogitRule& rule = {});

} // namespace fovea::cpu
