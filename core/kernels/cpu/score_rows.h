#pragma once
// What a group of queries scores with every row of a run: all keys (top-k V), or the bounds of all pages (Quest).
//   reads   n rows, each once for the whole group
//   writes  n·g fp32 scores (Scores) and, where the softmax is wanted, its (m, l) per query head
//   work    2·n·d·g flops and n·g exponentials: memory-bound below g ≈ 8
// One task per (KV head, span of rows); rows are read in the order of memory.

#include <cstdint>

#include "core/cache/mixed_rows.h"
#include "core/cache/row_form.h"
#include "core/cache/traffic.h"

namespace fovea::cpu {

struct RowTable {
    const void* const* blocks;
    RowForm form; // of a block
    Component component; // as what reading them counts
    // Where some rows are codes and some exact, how they are read, and their tokens' positions.
    const MixedRows* mixed = nullptr;
    const std::int64_t* positions = nullptr;
};

// scores[h·stride + row] = q[h]·row for rows [first, last), bent by `softcap` (0: none). q (group, d) fp32, in the
// order of arrangement.h. m, l (group) are brought up to date with them, or null when no softmax is wanted.
void scoreRows(const RowTable& table, std::int64_t first, std::int64_t last, int group, const float* q,
               float* scores, std::int64_t stride, float* m, float* l, float softcap, Traffic& moved);

} // namespace fovea::cpu
