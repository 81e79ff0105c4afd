#include "core/methods/read/sparq.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>

#include "core/methods/cache_reader.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/largest.h"
#include "core/methods/read/seen_rows.h"
#include "core/methods/read/sparq_stages.h"
#include "core/methods/step_shape.h"
#include "core/methods/store/store.h"
#include "core/model/forward.h"

namespace fovea {

namespace {

// tau = sqrt(d · |q[i1]|₁ / |q|₁) per query head: the temperature at which the r-component scores spread like
// the full ones. q (g, d), kept (g, r), plain √d or what a model has instead -> (g).
at::Tensor temperature(const at::Tensor& q, const at::Tensor& kept, double plain) {
    const at::Tensor share = kept.abs().sum(-1) / q.abs().sum(-1);
    // Where the kept components are all 0 so are the scores, and any temperature but 0 makes them uniform.
    return at::sqrt(at::where(share > 0, share, at::ones({}, share.options()))) * plain;
}

} // namespace

// Per KV head and step, with n = min(k, S), e bytes per element, g query heads:
//
//   K copy    S·r·e    stage 2 reads r columns of S
//             d·e      the current token's entry of each of d columns is written
//   scores    2·4·S·g  stage 2 writes one fp32 per token and query head, stage 3 reads it
//   indices   2·4·n    stage 3 writes the chosen slots (int32), stage 5 reads them
//   K, V      n·d·e    stage 5 reads n rows of each,
//             d·e      the current token's row of each is written; where rows are codes, as store.h has them
//   mean      2·4·d    the current value is added to the fp32 sum
//             4·d      stage 5 reads it; all three only when alpha is on, and g times where every query head
//                      has a sum of its own, since heads of a group see different tokens
//
// On a step before decode-from, K and V are read dense, but the copy and the sum are written: later steps
// need them. A layer that reads another's KV writes none of these: the owner did.
Traffic predictSparq(const SparqParams& params, const StepShape& shape) {
    const std::int64_t S = shape.tokens, d = shape.headDim, g = shape.group(), e = elementBytes(shape.store);
    const std::int64_t r = params.components, n = std::min<std::int64_t>(params.tokens, S);

    Traffic head;
    head[Component::KeyColumns] = shape.appended() * d * e;
    head[Component::Mean] = params.alpha ? shape.appended() * 2 * 4 * d * shape.valueSums : 0;
    if (!shape.planned) {
        Traffic layer = predictDense(shape);
        return layer += head * shape.kvHeads;
    }

    head[Component::KeyColumns] += S * r * e;
    head[Component::Scores] = 2 * 4 * S * g;
    head[Component::Indices] = 2 * 4 * n;
    head += predictRows(shape, Component::Keys, n + shape.appended());
    head += predictRows(shape, Component::Values, n + shape.appended());
    head[Component::Mean] += params.alpha ? 4 * d * shape.valueSums : 0;
    return head * shape.kvHeads;
}

// Per KV head: K, V and the copy of K, S·d elements each, and d fp32 of value sum (or of each sum).
Traffic predictHeldSparq(const SparqParams& params, const StepShape& shape) {
    Traffic head;
    head[Component::KeyColumns] = shape.tokens * shape.headDim * elementBytes(shape.store);
    head[Component::Mean] = params.alpha ? 4 * shape.headDim * shape.valueSums : 0;
    Traffic layer = predictHeldDense(shape);
    return layer += head * shape.kvHeads;
}

SparqStages sparqTruth(const SparqParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule) {
    return sparqTruth(params, q, cache, rule, {});
}

// Algorithm 1 of 2312.04985, with grouped query heads.
SparqStages sparqTruth(const SparqParams& params, const at::Tensor& q, CacheReader& cache,
                       const LogitRule& rule, const at::Tensor& seen) {
    const auto dims = static_cast<int>(q.size(-1));
    const double plainTau = 1 / rule.scaleOf(dims);
    SparqStages stages;

    // 1: the components that matter to the group.
    stages.components = largest(q.abs().sum(0), params.components);
    const at::Tensor kept = q.index_select(-1, stages.components); // (g, r)

    // 2: approximate scores of every token.
    const at::Tensor plain = at::full_like(kept.select(-1, 0), plainTau);
    stages.tau = params.tau ? temperature(q, kept, plainTau) : plain;
    stages.logits =
        attentionLogits(at::matmul(kept, cache.keyColumns(stages.components)) / stages.tau.unsqueeze(-1),
                        {1, rule.softcap}, dims);
    stages.logits = onlySeen(stages.logits, seen);
    stages.approximate = at::softmax(stages.logits, -1);

    // 3: the tokens that the group reads.
    const bool bySoftmax = params.select == SparqParams::Select::Softmax;
    const std::int64_t n = std::min<std::int64_t>(params.tokens, cache.slots());
    const std::int64_t local = std::min<std::int64_t>(params.localTokens(), n);
    stages.slots =
        chooseLargest((bySoftmax ? stages.approximate : stages.logits).sum(0), n, cache.newest(local));

    // 4: how much of the mass they are thought to carry.
    stages.alpha = params.alpha ? stages.approximate.index_select(-1, stages.slots).sum(-1)
                                : at::ones({q.size(0)}, q.options());

    // 5: exact attention over them, and the mean value for the rest.
    const at::Tensor scores = attentionLogits(at::matmul(q, cache.keyRows(stages.slots).t()), rule, dims);
    const at::Tensor sight = seen.defined() ? seen.index_select(1, stages.slots) : seen;
    stages.weights = seenSoftmax(scores, sight);
    stages.output = seenSum(stages.weights, cache.valueRows(stages.slots), sight);
    if (params.alpha) {
        const at::Tensor alpha = stages.alpha.unsqueeze(-1);
        const at::Tensor mean = seen.defined() ? cache.valueMeans(seen) : cache.valueMean();
        stages.output = alpha * stages.output + (1 - alpha) * mean;
    }
    return stages;
}

} // namespace fovea
