#include "core/methods/read/sparq.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/index_fill.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/methods/cache_reader.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/sparq_stages.h"
#include "core/methods/step_shape.h"
#include "core/model/forward.h"

namespace fovea {

namespace {

// The n largest of x (m), as sorted int64 indices; ties go to the lowest index.
at::Tensor largest(const at::Tensor& x, std::int64_t n) {
    const auto order = std::get<1>(at::sort(x, /*stable=*/true, /*dim=*/0, /*descending=*/true));
    return std::get<0>(at::sort(order.narrow(0, 0, n)));
}

// tau = sqrt(d · |q[i1]|₁ / |q|₁) per query head: the temperature at which the r-component scores spread like
// the full ones. q (g, d), kept (g, r), plain √d or what a model has instead -> (g).
at::Tensor temperature(const at::Tensor& q, const at::Tensor& kept, double plain) {
    const at::Tensor share = kept.abs().sum(-1) / q.abs().sum(-1);
    // Where the kept components are all 0 so are the scores, and any temperature but 0 makes them uniform.
    return at::sqrt(at::where(share > 0, share, at::ones({}, share.options()))) * plain;
}

// i2: n slots by score (S), the newest free, which are given.
at::Tensor chooseSlots(const at::Tensor& score, std::int64_t n, const at::Tensor& newest) {
    const at::Tensor others = at::ones_like(score, at::kBool).index_fill(0, newest, 0).nonzero().squeeze(-1);
    const at::Tensor best = largest(score.index_select(0, others), n - newest.size(0));
    return std::get<0>(at::sort(at::cat({others.index_select(0, best), newest})));
}

} // namespace

// Per KV head and step, with n = min(k, S), e bytes per element, g query heads:
//
//   K copy    S·r·e    stage 2 reads r columns of S
//             d·e      the current token's entry of each of d columns is written
//   scores    2·4·S·g  stage 2 writes one fp32 per token and query head, stage 3 reads it
//   indices   2·4·n    stage 3 writes the chosen slots (int32), stage 5 reads them
//   K, V      n·d·e    stage 5 reads n rows of each
//             d·e      the current token's row of each is written
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
    head[Component::Keys] = (n + shape.appended()) * d * e;
    head[Component::Values] = (n + shape.appended()) * d * e;
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

namespace {

// Weights and output of heads that see different ones of the chosen: each attends to those it sees, and one that sees
// none attends to nothing. logits (g, n), values (n, d), seen (g, n).
void attendSeen(SparqStages& stages, const at::Tensor& logits, const at::Tensor& values, const at::Tensor& seen) {
    stages.weights = at::zeros_like(logits);
    std::vector<at::Tensor> outputs;
    for (std::int64_t head = 0; head < logits.size(0); ++head) {
        const at::Tensor own = seen[head].nonzero().squeeze(-1);
        const at::Tensor weights = at::softmax(logits[head].index_select(0, own), -1);
        stages.weights[head].index_copy_(0, own, weights);
        outputs.push_back(at::matmul(weights, values.index_select(0, own)));
    }
    stages.output = at::stack(outputs);
}

} // namespace

SparqStages sparqTruth(const SparqParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule) {
    return sparqTruth(params, q, cache, rule, {});
}

// Algorithm 1 of 2312.04985, with grouped query heads.
SparqStages sparqTruth(const SparqParams& params, const at::Tensor& q, CacheReader& cache,
                       const LogitRule& rule, const at::Tensor& seen) {
    const std::int64_t S = cache.slots(), d = q.size(-1);
    const std::int64_t n = std::min<std::int64_t>(params.tokens, S);
    const std::int64_t local = std::min<std::int64_t>(params.localTokens(), n);
    const auto dims = static_cast<int>(d);
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
    if (seen.defined())
        stages.logits = stages.logits.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
    stages.approximate = at::softmax(stages.logits, -1);

    // 3: the tokens that the group reads.
    const bool bySoftmax = params.select == SparqParams::Select::Softmax;
    stages.slots =
        chooseSlots((bySoftmax ? stages.approximate : stages.logits).sum(0), n, cache.newest(local));

    // 4: how much of the mass they are thought to carry.
    stages.alpha = params.alpha ? stages.approximate.index_select(-1, stages.slots).sum(-1)
                                : at::ones({q.size(0)}, q.options());

    // 5: exact attention over them, and the mean value for the rest.
    const at::Tensor scores = attentionLogits(at::matmul(q, cache.keyRows(stages.slots).t()), rule, dims);
    const at::Tensor values = cache.valueRows(stages.slots);
    if (seen.defined()) {
        attendSeen(stages, scores, values, seen.index_select(1, stages.slots));
    } else {
        stages.weights = at::softmax(scores, -1);
        stages.output = at::matmul(stages.weights, values);
    }
    if (params.alpha) {
        const at::Tensor alpha = stages.alpha.unsqueeze(-1);
        const at::Tensor mean = seen.defined() ? cache.valueMeans(seen) : cache.valueMean();
        stages.output = alpha * stages.output + (1 - alpha) * mean;
    }
    return stages;
}

} // namespace fovea
