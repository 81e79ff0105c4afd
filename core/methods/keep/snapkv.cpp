#include "core/methods/keep/snapkv.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/avg_pool1d.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "core/methods/keep/highest_rows.h"
#include "core/methods/step_shape.h"
#include "core/methods/store/store.h"

namespace fovea {

std::int64_t snapkvSeen(const SnapkvParams& params, std::int64_t prompt, std::int64_t p) {
    return std::min<std::int64_t>(prompt, params.budget) + (p - prompt) + 1;
}

// Per layer, e bytes per element, t = min(w, P) queries that vote:
//
//   4·H·d         every step before the plan acts keeps its queries (written)
//
// and as the plan takes over, where P is more than B, per KV head:
//
//   P·d·e         K of the prompt is read once more (Keys)
//   4·t·g·d       the queries are read
//   2·4·t·g·P     their logits are written and read
//   2·4·P         the votes are written and read
//
// Where c layers read one KV the owner asks the queries of all of them: c·g in place of g.
Traffic predictSnapkv(const SnapkvParams& params, const StepShape& shape) {
    Traffic layer;
    const std::int64_t d = shape.headDim, P = shape.tokens - 1;
    if (shape.window > 0)
        return layer;
    if (!shape.keeps)
        layer[Component::Scores] = 4 * shape.queryHeads * d;
    if (!shape.takesOver || P <= params.budget || !shape.ownsKv)
        return layer;
    const std::int64_t t = std::min<std::int64_t>(params.window, P), g = shape.group() * shape.readerCount();
    layer += predictRows(shape, Component::Keys, P * shape.kvHeads);
    layer[Component::Scores] = (4 * t * g * d + 8 * t * g * P + 8 * P) * shape.kvHeads;
    return layer;
}

Traffic predictHeldSnapkv(const SnapkvParams& params, const StepShape& shape) {
    Traffic layer;
    if (shape.window == 0 && !shape.keeps)
        layer[Component::Scores] =
            4 * std::min<std::int64_t>(params.window, shape.tokens) * shape.queryHeads * shape.headDim;
    return layer;
}

// Listing 1 of 2404.14469: the window's own tokens stay without a vote and lend none to their neighbours.
at::Tensor snapkvVotes(const SnapkvParams& params, const at::Tensor& weights) {
    const std::int64_t P = weights.size(1), window = std::min<std::int64_t>(params.window, P);
    const at::Tensor sums = at::nan_to_num(weights, 0).sum(0).narrow(0, 0, P - window);
    if (sums.size(0) == 0)
        return at::zeros({P}, weights.options());
    const at::Tensor pooled =
        at::avg_pool1d(sums.view({1, 1, -1}), params.pool, /*stride=*/1, params.pool / 2);
    return at::cat({pooled.flatten(), at::zeros({window}, weights.options())});
}

at::Tensor snapkvKept(const SnapkvParams& params, const at::Tensor& votes) {
    return highestRows(votes, at::arange(votes.size(0), at::kLong), params.budget, params.window);
}

} // namespace fovea
