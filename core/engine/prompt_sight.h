#pragma once
// What the queries of a prompt see of the rows held: the mask of every KV head.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "core/methods/keep/keep_rule.h"

namespace fovea {

class KvCache;

// The position of the first of the T newest tokens among `positions` (S).
std::int64_t firstOfNewest(const at::Tensor& positions, std::int64_t T);

// What one KV head holds, and what the queries of its group at the T newest tokens do not see of it.
struct HeadRows {
    at::Tensor positions; // (S) int64, by slot
    at::Tensor hidden;    // (T, S) bool where the group sees alike, else (g, T, S)
};

// All KV heads' of `layer`; without `keep` each sees all that came before it. Heads that hold the same tokens and see
// alike share what is hidden.
std::vector<HeadRows> rowsOfHeads(const KvCache& cache, int layer, std::int64_t T, const LayerKeep* keep);

} // namespace fovea
