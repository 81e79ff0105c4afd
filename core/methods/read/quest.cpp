#include "core/methods/read/quest.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/div.h>
#include <ATen/ops/full.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "core/methods/cache_reader.h"
#include "core/methods/read/dense.h"
#include "core/methods/read/largest.h"
#include "core/methods/read/page_bounds.h"
#include "core/methods/read/quest_stages.h"
#include "core/methods/read/seen_rows.h"
#include "core/methods/step_shape.h"
#include "core/methods/store/store.h"
#include "core/model/forward.h"

namespace fovea {

namespace {

// Pages of P slots that S live ones lie in, one free slot before the last of them where there is a hole.
std::int64_t pagesOf(std::int64_t slots, std::int64_t P, bool hole) {
    return hole && P > 1 ? (slots + 1 + P - 1) / P : (slots + P - 1) / P;
}

} // namespace

at::Tensor boundsOfRows(const at::Tensor& keys, std::int64_t page) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    const at::Tensor nan = at::full({}, std::numeric_limits<double>::quiet_NaN(), keys.options());
    std::vector<at::Tensor> pages;
    for (std::int64_t first = 0; first < keys.size(0); first += page) {
        const at::Tensor rows = keys.narrow(0, first, std::min(page, keys.size(0) - first));
        const at::Tensor none = at::isnan(rows), never = none.all(0);
        pages.push_back(at::stack({at::where(never, nan, rows.masked_fill(none, kInfinity).amin(0)),
                                   at::where(never, nan, rows.masked_fill(none, -kInfinity).amax(0))}));
    }
    return at::stack(pages);
}

bool questKeepsBounds(const QuestParams& params, const StepShape& shape) {
    return shape.lastReader() >= params.skip;
}

std::int64_t questRows(const QuestParams& params, const StepShape& shape) {
    const std::int64_t S = shape.tokens, P = params.page, G = shape.kvHeads, N = pagesOf(S, P, false);
    const std::int64_t last = shape.lastPages >= 0 ? shape.lastPages : G;
    return G * std::min<std::int64_t>(params.pages, N) * P - last * (N * P - S);
}

// Per layer and step, G KV heads, N = ⌈S / P⌉, n = min(pages, N), e bytes per element:
//
//   bounds    G·2·d·e    those of the current token's page are written, and
//             G·2·d·e    read before, but for the `pagesBegun` rows (of the current token, or of those that an eviction
//                        moved: keep_rule.h counts their bytes) that were the first of their page
//             G·N·2·d·e  every page is scored
//   scores    G·4·N      one fp32 per page is written,
//             G·4·(N - 1)  and read by the choice, but for that of the newest token's page
//   indices   G·2·4·n    the chosen pages (int32) are written, and read to list their slots
//             2·4·R      which are written, and read by the attention
//   K, V      R·d·e      R rows of each are read
//             G·d·e      the current token's row of each is written; where rows are codes, as store.h has them
//
// R = G·n·P − c·(N·P − S): chosen pages are whole, but for the last one where it is among them, which it is in c KV heads:
// in all G until a token takes the slot of one that left, since it is the newest one's page, and is not a formula's to
// know afterwards. In the first layers, and on a step before decode-from, rows are read dense; the bounds are written
// before decode-from all the same. One of the first layers writes the bounds
// of keys that a later one reads. A layer that reads another's KV writes nothing.
Traffic predictQuest(const QuestParams& params, const StepShape& shape) {
    const std::int64_t S = shape.tokens, P = params.page, G = shape.kvHeads;
    const std::int64_t row = std::int64_t{shape.headDim} * elementBytes(shape.store);
    const std::int64_t N = pagesOf(S, P, false), n = std::min<std::int64_t>(params.pages, N);
    const std::int64_t begun = shape.pagesBegun >= 0 ? shape.pagesBegun : (S - 1) % P == 0 ? G : 0;

    Traffic layer;
    layer[Component::Bounds] =
        shape.ownsKv && questKeepsBounds(params, shape) ? G * 4 * row - begun * 2 * row : 0;
    if (!shape.planned || shape.layer < params.skip)
        return layer += predictDense(shape);

    const std::int64_t R = questRows(params, shape);
    layer[Component::Bounds] += G * N * 2 * row;
    layer[Component::Scores] = G * 4 * (2 * N - 1);
    layer[Component::Indices] = G * 2 * 4 * n + 2 * 4 * R;
    layer += predictRows(shape, Component::Keys, R + shape.appended() * G);
    layer += predictRows(shape, Component::Values, R + shape.appended() * G);
    return layer;
}

// K and V as dense; and of each page with a live row 2·d·e. S rows lie in ⌈S / P⌉ pages, or in those of S + 1 where one
// of these slots is free.
Traffic predictHeldQuest(const QuestParams& params, const StepShape& shape) {
    Traffic layer = predictHeldDense(shape);
    if (!questKeepsBounds(params, shape))
        return layer;
    const std::int64_t row = std::int64_t{shape.headDim} * elementBytes(shape.store);
    layer[Component::Bounds] = ((shape.kvHeads - shape.holes) * pagesOf(shape.tokens, params.page, false) +
                                shape.holes * pagesOf(shape.tokens, params.page, true)) *
                               2 * row;
    return layer;
}

namespace {

// (g, N): does the head see a row of the page? `seen` (g, S).
at::Tensor pagesSeen(const at::Tensor& seen, std::int64_t P) {
    std::vector<at::Tensor> pages;
    for (std::int64_t first = 0; first < seen.size(1); first += P)
        pages.push_back(seen.narrow(1, first, std::min(P, seen.size(1) - first)).any(1));
    return at::stack(pages, 1);
}

} // namespace

QuestStages questTruth(const QuestParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule) {
    return questTruth(params, q, cache, rule, {});
}

// Algorithm 1 of 2406.10774, the heads of a group choosing together.
QuestStages questTruth(const QuestParams& params, const at::Tensor& q, CacheReader& cache, const LogitRule& rule,
                       const at::Tensor& seen) {
    const std::int64_t S = cache.slots(), P = params.page;
    const auto dims = static_cast<int>(q.size(-1));
    QuestStages stages;

    // 1: what no key of a page can exceed.
    const at::Tensor bounds = cache.pageBounds(P); // (N, 2, d)
    const at::Tensor query = q.unsqueeze(1);       // (g, 1, d)
    stages.scores =
        at::maximum(query * bounds.select(1, 0), query * bounds.select(1, 1)).sum(-1) * rule.scaleOf(dims);
    const at::Tensor heard =
        seen.defined() ? stages.scores.masked_fill(pagesSeen(seen, P).logical_not(), 0) : stages.scores;
    stages.group = heard.sum(0);

    // 2: the pages that the group reads, whole.
    const std::int64_t n = std::min<std::int64_t>(params.pages, bounds.size(0));
    const at::Tensor newest = at::div(cache.newest(1), P, "floor");
    stages.pages = chooseLargest(stages.group, n, newest);
    const at::Tensor rows = (stages.pages.unsqueeze(1) * P + at::arange(std::min(P, S), at::kLong)).flatten();
    stages.slots = rows.masked_select(rows < S);

    // 3: exact attention over them.
    const at::Tensor sight = seen.defined() ? seen.index_select(1, stages.slots) : seen;
    const at::Tensor logits = attentionLogits(at::matmul(q, cache.keyRows(stages.slots).t()), rule, dims);
    stages.weights = seenSoftmax(logits, sight);
    stages.output = seenSum(stages.weights, cache.valueRows(stages.slots), sight);
    return stages;
}

} // namespace fovea
