// What the truths say of a case, in double precision.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/cache/cache_view_reader.h"
#include "core/methods/keep/kept_truth.h"
#include "core/methods/keep/row_turn.h"
#include "core/methods/read/quest_stages.h"
#include "core/methods/read/seen_rows.h"
#include "core/methods/read/sparq_stages.h"
#include "core/model/forward.h"
#include "core/model/model_spec.h"
#include "tests/core/kernels/attention_cases.h"

namespace fovea::test {

namespace {

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

// The lanes of a vector and the rows of a tile cut a sum of n terms into parts: an error of about n/16 ulps in the
// worst case, never below a few.
double summation(double n) {
    return (8 + n / 16) * kEpsilon;
}

// The rows as stored, which fp32 holds exactly, in double.
struct DoubleReader final : CacheReader {
    // `rows` (S) bool: of those slots alone; undefined: of all.
    DoubleReader(const KvView& view, const at::Tensor& rows)
        : inner(rows.defined() ? CacheViewReader(view, nullptr, rows) : CacheViewReader(view)) {}

    std::int64_t slots() const override { return inner.slots(); }
    at::Tensor newest(std::int64_t n) const override { return inner.newest(n); }
    at::Tensor keys() override { return inner.keys().to(at::kDouble); }
    at::Tensor values() override { return inner.values().to(at::kDouble); }
    at::Tensor keyRows(const at::Tensor& slots) override { return inner.keyRows(slots).to(at::kDouble); }
    at::Tensor valueRows(const at::Tensor& slots) override { return inner.valueRows(slots).to(at::kDouble); }
    at::Tensor keyColumns(const at::Tensor& c) override { return inner.keyColumns(c).to(at::kDouble); }
    at::Tensor valueMean() override { return inner.valueMean().to(at::kDouble); }
    at::Tensor valueMeans(const at::Tensor& seen) override { return inner.valueMeans(seen).to(at::kDouble); }
    at::Tensor pageBounds(std::int64_t page) override { return inner.pageBounds(page).to(at::kDouble); }

    CacheViewReader inner;
};

at::Tensor slotsOf(const std::vector<std::int32_t>& list) {
    return at::tensor(std::vector<std::int64_t>(list.begin(), list.end()), at::kLong);
}

std::vector<std::int32_t> listOf(const at::Tensor& slots) {
    const at::Tensor list = slots.contiguous();
    return {list.data_ptr<std::int64_t>(), list.data_ptr<std::int64_t>() + list.numel()};
}

double largest(const at::Tensor& x) {
    return x.numel() ? x.abs().max().item<double>() : 0;
}

// (n) or (g, n) of which the last dimension's `rows` (n) are picked; undefined stays so.
at::Tensor pick(const at::Tensor& x, const at::Tensor& rows) {
    return x.defined() ? x.index_select(-1, rows) : x;
}

// One KV head of a case, of which the truths are given what any of its query heads sees, and what they have in common.
struct Head {
    const AttentionCase& what;
    at::Tensor q, all;              // (g, d); (g, slots held) or undefined
    at::Tensor slots;               // (S) of what is seen
    at::Tensor seen;                // (g, S) or undefined
    DoubleReader reader;            // of these
    at::Tensor keys, values, exact; // exact (g, S): logits

    Head(const AttentionCase& c, const AttentionCaseState& state, std::int64_t i)
        : what(c), q(state.queries(i).to(at::kDouble)), all(state.seen(i)),
          slots(all.defined() ? all.any(0).nonzero().flatten() : at::arange(state.view(i).slots, at::kLong)),
          seen(pick(all, slots)), reader(state.view(i), all.defined() ? all.any(0) : all),
          keys(reader.keys()), values(reader.values()) {
        exact = at::matmul(q, keys.t()) / std::sqrt(static_cast<double>(c.headDim));
        if (c.sight != AttentionCase::Sight::Turned)
            return;
        ModelSpec spec;
        spec.layers = 1, spec.queryHeads = c.queryHeads, spec.kvHeads = c.kvHeads, spec.headDim = c.headDim;
        const RowTurn turn(spec, 0);
        exact = keptLogits(c.plan.keep, {turn}, q.to(at::kFloat), keys.to(at::kFloat), reader.inner.positions())
                    .to(at::kDouble);
    }

    at::Tensor sightOf(const at::Tensor& places) const { return pick(seen, places); }
    std::int64_t rows() const { return slots.size(0); }
    // Where in `slots` they are.
    at::Tensor placesOf(const std::vector<std::int32_t>& chosen) const {
        return at::searchsorted(slots, slotsOf(chosen));
    }
    // By slot of what is held: nobody of this layer chooses the others.
    at::Tensor bySlot(const at::Tensor& score, std::int64_t held) const {
        return at::full({held}, -std::numeric_limits<double>::infinity(), at::kDouble)
            .index_copy(0, slots, score);
    }
    // How far an fp32 logit may lie off: of components summed, turned once more where sinks are met elsewhere.
    double logitError() const {
        const bool turned = what.sight == AttentionCase::Sight::Turned;
        const at::Tensor sizes = at::matmul(q.abs(), keys.abs().t()) / std::sqrt(static_cast<double>(what.headDim));
        return largest(sizes) * summation(what.headDim) * (turned ? 3 : 1);
    }
    // A logit off by δ changes its weight by the factor e^δ, twice: in the numerator and in the sum.
    double shareError(double logit) const { return 2 * logit + 2 * summation(static_cast<double>(reader.slots())); }
    double bound() const { return largest(values) * shareError(logitError()); }

    // Softmax over those of the listed places that each head sees, and their values' sum.
    void attend(CaseTruth& truth, const at::Tensor& places) const {
        const at::Tensor weights = seenSoftmax(exact.index_select(1, places), sightOf(places));
        truth.output = seenSum(weights, values.index_select(0, places), sightOf(places));
        truth.heard = at::zeros({reader.slots()}, at::kDouble).index_copy(0, places, weights.sum(0));
        truth.bound = bound();
    }
};

void sparq(const SparqParams& params, Head& head, const at::Tensor& chosen, CaseTruth& truth) {
    const SparqStages stages = sparqTruth(params, head.q, head.reader, {}, head.seen);
    const bool byShare = params.select == SparqParams::Select::Softmax && head.what.group() > 1;
    truth.score = (byShare ? stages.approximate : stages.logits).sum(0);
    const at::Tensor kept = head.q.index_select(1, stages.components);
    const at::Tensor sizes =
        at::matmul(kept.abs(), head.reader.keyColumns(stages.components).abs()) / stages.tau.unsqueeze(-1);
    const double logit = largest(sizes) * summation(params.components);
    truth.scoreBound = byShare ? truth.score.max().item<double>() * head.shareError(logit)
                               : head.what.group() * (logit + kEpsilon);
    truth.wanted = std::min<std::int64_t>(params.tokens, head.rows());

    head.attend(truth, chosen);
    truth.always = listOf(head.slots.index_select(
        0, head.reader.newest(std::min<std::int64_t>(params.localTokens(), truth.wanted))));
    if (!params.alpha)
        return;
    const at::Tensor alpha = stages.approximate.index_select(1, chosen).sum(1, true);
    const at::Tensor mean =
        head.seen.defined() ? head.reader.valueMeans(head.seen) : head.reader.valueMean().expand_as(truth.output);
    truth.output = alpha * truth.output + (1 - alpha) * mean;
    truth.bound += 2 * largest(head.values) * head.shareError(logit);
    const at::Tensor weights = seenSoftmax(head.exact.index_select(1, chosen), head.sightOf(chosen));
    truth.heard = at::zeros_like(truth.heard).index_copy(0, chosen, (alpha * weights).sum(0));
}

void topv(const TopvParams& params, Head& head, const at::Tensor& chosen, CaseTruth& truth) {
    const at::Tensor all = seenSoftmax(onlySeen(head.exact, head.seen), head.seen);
    truth.score = truth.heard = all.sum(0);
    truth.scoreBound = truth.score.max().item<double>() * head.shareError(head.logitError());
    truth.wanted = std::min<std::int64_t>(params.tokens, head.rows());
    at::Tensor weights = all.index_select(1, chosen);
    if (params.renormalise)
        weights = seenSoftmax(head.exact.index_select(1, chosen), head.sightOf(chosen));
    truth.output = seenSum(weights, head.values.index_select(0, chosen), head.sightOf(chosen));
    truth.bound = 2 * head.bound();
}

void quest(const QuestParams& params, Head& head, const at::Tensor& chosen, CaseTruth& truth) {
    const QuestStages stages = questTruth(params, head.q, head.reader, {}, head.seen);
    truth.score = stages.group;
    const at::Tensor bounds = head.reader.pageBounds(params.page).abs().sum(1);
    const at::Tensor sizes = at::matmul(head.q.abs(), bounds.t()) / std::sqrt(static_cast<double>(head.what.headDim));
    truth.scoreBound = sizes.sum(0).max().item<double>() * summation(2 * head.what.headDim);
    truth.wanted = std::min<std::int64_t>(params.pages, stages.group.size(0));
    truth.always = {static_cast<std::int32_t>(head.reader.newest(1).item<std::int64_t>() / params.page)};
    const at::Tensor rows =
        (chosen.unsqueeze(1) * params.page + at::arange(params.page, at::kLong)).flatten();
    head.attend(truth, rows.masked_select(rows < head.reader.slots()));
}

} // namespace

CaseTruth truthOf(const AttentionCase& what, const AttentionCaseState& state, std::int64_t view,
                  const std::vector<std::int32_t>& chosen) {
    Head head(what, state, view);
    CaseTruth truth;
    const std::int64_t held = state.view(view).slots;
    if (const auto* pages = std::get_if<QuestParams>(&what.plan.read)) {
        quest(*pages, head, slotsOf(chosen), truth);
        return truth;
    }
    if (const auto* p = std::get_if<SparqParams>(&what.plan.read))
        sparq(*p, head, head.placesOf(chosen), truth);
    else if (const auto* heaviest = std::get_if<TopvParams>(&what.plan.read))
        topv(*heaviest, head, head.placesOf(chosen), truth);
    else
        head.attend(truth, at::arange(head.rows(), at::kLong));
    if (truth.score.defined())
        truth.score = head.bySlot(truth.score, held);
    return truth;
}

} // namespace fovea::test
