#pragma once
// Decode attention of one layer under read=quest. Truth: questTruth.

#include <cstdint>
#include <span>

#include "core/kernels/cpu/attention.h"
#include "core/methods/read/quest.h"

namespace fovea::cpu {

// As attendAll, but of the rows those of the chosen pages alone; the views have bounds of params.page slots, and may
// hold unequal numbers of slots. Leaves the chosen pages (G, most of a head) in `scratch`, and whether each head chose
// the last page of its slots, which may be short; returns how many did. Per KV head, with N pages, n of them chosen with
// R rows:
//   Bounds    N·2·d·e
//   Scores    4·N written, 4·(N - 1) read: the newest token's page needs none
//   Indices   4·n written, 4·n read; 4·R written, 4·R read
//   Keys      R·d·e
//   Values    R·d·e
//   Scores    4·R·g more where there is a report, which is of what was read
// A head that sees no row of a page adds nothing to the page's score; it attends to those rows of the chosen ones that it
// sees.
std::int64_t attendQuest(std::span<const KvView> heads, int group, const QuestParams& params, const float* q,
                         float* out, AttentionScratch& scratch, Ledger& ledger, const LogitRule& rule = {},
                         std::span<const HeadSight> sights = {}, ReadReport* report = nullptr);

// Its first two stages for one head alone, on the calling thread: the pages that the queries q (group, d) choose, sorted.
// Good until `scratch` is used again.
std::span<const std::int32_t> choosePages(const KvView& head, int group, const QuestParams& params,
                                          const float* q, AttentionScratch& scratch,
                                          const LogitRule& rule = {},
                                          std::span<const HeadSight> sights = {});

} // namespace fovea::cpu
