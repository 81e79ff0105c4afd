#include "core/methods/keep/lm_infinite.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>

#include "core/methods/keep/row_turn.h"

namespace fovea {

KeepRule lmInfiniteRule(const LmInfiniteParams& params) {
    return {.sinks = params.sinks,
            .window = params.window - 1,
            .distance = KeepRule::Distance::Capped,
            .cap = params.window};
}

// Section 4 of 2308.16137: beyond the ceiling, keys as they were before RoPE (position 0) and the query at w.
at::Tensor lmInfiniteProducts(const LmInfiniteParams& params, const at::Tensor& q, const at::Tensor& keys,
                              const at::Tensor& positions, const RowTurn& turn) {
    const std::int64_t p = positions.max().item<std::int64_t>();
    const at::Tensor near = at::matmul(q, keys.t());
    const at::Tensor far = at::matmul(turn.rows(q, params.window - p), turn.rows(keys, -positions).t());
    return at::where(p - positions >= params.window, far, near);
}

} // namespace fovea
