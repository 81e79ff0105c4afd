#include "core/methods/read/topv.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "core/methods/cache_reader.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/largest.h"
#include "core/methods/read/seen_rows.h"
#include "core/methods/read/topv_stages.h"
#include "core/methods/step_shape.h"
#include "core/methods/store/store.h"
#include "core/model/forward.h"

namespace fovea {

SparqParams choiceOf(const TopvParams& params, int headDim) {
    return {.components = headDim, .tokens = params.tokens, .local = 0, .alpha = false, .tau = false};
}

// Per KV head and step, with n = min(k, S), e bytes per element, g query heads:
//
//   K         S·d·e    every key is scored
//             d·e      the current token's row is written
//   scores    2·4·S·g  one fp32 per token and query head is written, and read by the choice
//             4·n·g    the chosen ones are read again, as weights
//   indices   2·4·n    the chosen slots (int32) are written, and read by the sum
//   V         n·d·e    n rows are summed
//             d·e      the current token's row is written; where rows are codes, as store.h has them
//
// FlexGen's own expression, as the SparQ authors give it, is (2 + S + k)·d elements: rows alone. On a step before
// decode-from everything is read dense. A layer that reads another's KV writes nothing.
Traffic predictTopv(const TopvParams& params, const StepShape& shape) {
    if (!shape.planned)
        return predictDense(shape);
    const std::int64_t S = shape.tokens, g = shape.group(), n = std::min<std::int64_t>(params.tokens, S);

    Traffic head = predictRows(shape, Component::Keys, S + shape.appended());
    head += predictRows(shape, Component::Values, n + shape.appended());
    head[Component::Scores] = 2 * 4 * S * g + 4 * n * g;
    head[Component::Indices] = 2 * 4 * n;
    return head * shape.kvHeads;
}

TopvStages topvOfLogits(const TopvParams& params, const at::Tensor& logits, CacheReader& cache,
                        const at::Tensor& seen) {
    TopvStages stages;
    stages.logits = onlySeen(logits, seen);
    stages.all = seenSoftmax(stages.logits, seen);
    stages.slots = largest(stages.all.sum(0), std::min<std::int64_t>(params.tokens, cache.slots()));
    const at::Tensor sight = seen.defined() ? seen.index_select(1, stages.slots) : seen;
    const at::Tensor kept = stages.all.index_select(-1, stages.slots);
    stages.mass = kept.sum(-1);
    stages.weights =
        params.renormalise ? seenSoftmax(stages.logits.index_select(-1, stages.slots), sight) : kept;
    stages.output = seenSum(stages.weights, cache.valueRows(stages.slots), sight);
    return stages;
}

TopvStages topvTruth(const TopvParams& params, const at::Tensor& logits, CacheReader& cache) {
    return topvOfLogits(params, logits, cache, {});
}

TopvStages topvTruth(const TopvParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule,
                     const at::Tensor& seen) {
    const auto dims = static_cast<int>(q.size(-1));
    return topvOfLogits(params, attentionLogits(at::matmul(q, cache.keys().t()), rule, dims), cache, seen);
}

TopvStages topvTruth(const TopvParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule) {
    return topvTruth(params, q, cache, rule, {});
}

} // namespace fovea
