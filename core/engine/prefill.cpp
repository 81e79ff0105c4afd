#include "core/engine/prefill.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/decode_path.h"
#include "core/engine/sequence.h"
#include "core/methods/keep/keep_rule.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// (1, heads, T, d) -> (T, heads, d) contiguous, the order in which tokens are appended.
at::Tensor byToken(const at::Tensor& heads) {
    return heads[0].transpose(0, 1).contiguous();
}

void append(Sequence& text, int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    const bool owns = k.defined();
    const at::Tensor queries = byToken(q), keys = owns ? byToken(k) : k, values = owns ? byToken(v) : v;
    const auto row = [](const at::Tensor& rows, std::int64_t t) {
        return rows.defined() ? rows.data_ptr<float>() + t * rows.stride(0) : nullptr;
    };
    for (std::int64_t t = 0; t < queries.size(0); ++t)
        text.append(layer, text.tokens() + t, row(queries, t), row(keys, t), row(values, t));
}

// (T, S): true where the T newest tokens' queries may not see the token of a slot. positions (S).
at::Tensor hiddenFrom(const at::Tensor& positions, std::int64_t T, const KeepRule& keep) {
    const std::int64_t last = positions.max().item<std::int64_t>();
    const at::Tensor distance =
        at::arange(last - T + 1, last + 1, at::kLong).unsqueeze(1) - positions; // (T, S)
    return (distance < 0)
        .logical_or((distance > keep.window).logical_and(positions >= keep.sinks))
        .logical_or(distance > keep.reach);
}

// weights (g, T, S), 0 where hidden (T, S), times V (S, d). A row that overflowed to infinity must not reach
// queries that do not see it, and 0 · inf would: then each query multiplies only what it sees.
at::Tensor mix(const at::Tensor& weights, const at::Tensor& hidden, const at::Tensor& V) {
    if (at::isfinite(V).all().item<bool>())
        return at::matmul(weights, V);
    std::vector<at::Tensor> rows;
    for (std::int64_t t = 0; t < weights.size(1); ++t) {
        const at::Tensor seen = hidden[t].logical_not().nonzero().squeeze(-1);
        rows.push_back(at::matmul(weights.narrow(1, t, 1).index_select(2, seen), V.index_select(0, seen)));
    }
    return at::cat(rows, 1);
}

} // namespace

at::Tensor cachedAttention(const at::Tensor& q, const KvCache& cache, int layer, const KeepRule& keep,
                           const LogitRule& rule, const WeightListener& listener) {
    const int heads = cache.layout().kvHeads;
    const std::int64_t group = q.size(1) / heads, T = q.size(2);

    std::vector<at::Tensor> outputs;
    for (int head = 0; head < heads; ++head) {
        CacheViewReader rows(cache.view(layer, head));
        const at::Tensor hidden = hiddenFrom(rows.positions(), T, keep);
        const at::Tensor queries = q[0].narrow(0, head * group, group); // (g, T, d)
        const at::Tensor scores =
            attentionLogits(at::matmul(queries, rows.keys().t()), rule, static_cast<int>(q.size(3)));
        const at::Tensor visible = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
        const at::Tensor weights = at::softmax(visible, -1);
        if (listener)
            listener(head, at::nan_to_num(weights, 0).sum(0), hidden.logical_not());
        outputs.push_back(mix(weights, hidden, rows.values()));
    }
    return at::cat(outputs).unsqueeze(0);
}

void prefillChunk(const DecodeState& state, Sequence& text, std::span<const int> tokens,
                  std::int64_t length) {
    const c10::NoGradGuard noGrad;
    const auto attention = [&](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        append(text, layer, q, k, v);
        const ModelSpec& spec = state.model.spec;
        WeightListener listener;
        if (KeepObserver* const observer = text.observer(); observer && observer->hearsReads())
            listener = [&text, &spec, observer, layer](int head, const at::Tensor& weights,
                                                       const at::Tensor& seen) {
                observer->prefilled(layer, head, text.cache().view(layer, head),
                                    {weights, seen, spec.group()});
            };
        return cachedAttention(q, text.cache(), layer, keepRule(state.plan, spec.window(layer), false),
                               spec.logitRule(), listener);
    };
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    hiddenStates(state.model, at::tensor(ids).unsqueeze(0), text.tokens(), attention, at::kFloat, length);
}

} // namespace fovea
