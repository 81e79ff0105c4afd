#include "core/methods/keep/streaming.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>

#include "core/methods/keep/row_turn.h"

namespace fovea {

KeepRule streamingRule(const StreamingParams& params) {
    return {.sinks = params.sinks,
            .window = params.window,
            .distance = params.positions == StreamingParams::Positions::Cache ? KeepRule::Distance::Cache
                                                                              : KeepRule::Distance::Original};
}

// Section 3.2 and Figure 4 of 2309.17453: the positions that RoPE is given are those within the cache.
at::Tensor streamingProducts(const StreamingParams& params, const at::Tensor& q, const at::Tensor& keys,
                             const at::Tensor& positions, const RowTurn& turn) {
    if (params.positions == StreamingParams::Positions::Original)
        return at::matmul(q, keys.t());
    const at::Tensor rank = positions.argsort().argsort(); // of each slot's token
    const std::int64_t newest = positions.max().item<std::int64_t>();
    const at::Tensor query = turn.rows(q, positions.size(0) - 1 - newest);
    return at::matmul(query, turn.rows(keys, rank - positions).t());
}

} // namespace fovea
