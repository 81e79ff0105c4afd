#include "core/methods/keep/streaming.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include "core/methods/cache_reader.h"
#include "core/methods/keep/row_turn.h"
#include "core/methods/read/dense.h"
#include "core/model/forward.h"

namespace fovea {

KeepRule streamingRule(const StreamingParams& params) {
    return {.sinks = params.sinks,
            .window = params.window,
            .distance = params.positions == StreamingParams::Positions::Cache ? KeepRule::Distance::Cache
                                                                              : KeepRule::Distance::Original};
}

// Section 3.2 and Figure 4 of 2309.17453: the positions that RoPE is given are those within the cache.
at::Tensor streamingTruth(const StreamingParams& params, const at::Tensor& q, CacheReader& kept,
                          const at::Tensor& positions, const RowTurn& turn, const LogitRule& rule) {
    if (params.positions == StreamingParams::Positions::Original)
        return denseTruth(q, kept, rule);
    const at::Tensor rank = positions.argsort().argsort(); // of each slot's token
    const at::Tensor newest = positions.max();
    const at::Tensor keys = turn.rows(kept.keys(), rank - positions);
    const at::Tensor query = turn.rows(q, positions.size(0) - 1 - newest.item<std::int64_t>());
    const at::Tensor scores = attentionLogits(at::matmul(query, keys.t()), rule, static_cast<int>(q.size(-1)));
    return at::matmul(at::softmax(scores, -1), kept.values());
}

} // namespace fovea
