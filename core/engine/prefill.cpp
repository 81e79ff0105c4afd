#include "core/engine/prefill.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
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
#include <optional>
#include <vector>

#include "core/cache/cache_view_reader.h"
#include "core/cache/kv_cache.h"
#include "core/engine/decode_path.h"
#include "core/engine/one_blas_thread.h"
#include "core/engine/prompt_attention.h"
#include "core/engine/prompt_kernels.h"
#include "core/engine/prompt_product.h"
#include "core/engine/prompt_rows.h"
#include "core/engine/prompt_sight.h"
#include "core/engine/sequence.h"
#include "core/engine/session.h"
#include "core/methods/keep/keep_rule.h"
#include "core/methods/keep/row_turn.h"
#include "core/model/forward.h"
#include "core/plan/attention_plan.h"
#include "core/plan/plan_prefill.h"

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

// products (g, T, S) of queries (g, T, d) with keys (S, d): those of the sinks anew, each with queries that are turned
// to the distance at which `rule` has it met.
void meetSinks(at::Tensor& products, const at::Tensor& queries, const at::Tensor& keys,
               const at::Tensor& positions, const KeepRule& rule, const RowTurn& turn) {
    const std::int64_t g = queries.size(0), T = queries.size(1),
                       first = firstOfNewest(positions, T);
    const at::Tensor sinks = (positions < rule.sinks).nonzero().squeeze(-1);
    for (std::int64_t i = 0; i < sinks.size(0); ++i) {
        const std::int64_t slot = sinks[i].item<std::int64_t>(), j = positions[slot].item<std::int64_t>();
        std::vector<std::int64_t> by;
        for (std::int64_t head = 0; head < g; ++head)
            for (std::int64_t p = first; p < first + T; ++p)
                by.push_back(p < j ? 0 : rule.distanceTo(p, j) - (p - j));
        const at::Tensor turned = turn.rows(queries.reshape({g * T, -1}), at::tensor(by, at::kLong));
        products.select(-1, slot).copy_(at::matmul(turned, keys[slot]).view({g, T}));
    }
}

// weights (g, T, S), 0 where hidden (T, S) or (g, T, S), times V (S, d). A row that overflowed to infinity must not
// reach queries that do not see it, and 0 · inf would: then each query multiplies only what it sees.
at::Tensor mix(const at::Tensor& weights, const at::Tensor& hidden, const at::Tensor& V) {
    if (at::isfinite(V).all().item<bool>())
        return at::matmul(weights, V);
    std::vector<at::Tensor> rows;
    if (hidden.dim() == 3) { // heads that see differently
        for (std::int64_t i = 0; i < hidden.size(0); ++i)
            rows.push_back(mix(weights.narrow(0, i, 1), hidden[i], V));
        return at::cat(rows);
    }
    for (std::int64_t t = 0; t < weights.size(1); ++t) {
        const at::Tensor seen = hidden[t].logical_not().nonzero().squeeze(-1);
        rows.push_back(at::matmul(weights.narrow(1, t, 1).index_select(2, seen), V.index_select(0, seen)));
    }
    return at::cat(rows, 1);
}

} // namespace

PromptKv promptKv(const KvCache& cache, int layer, int kvHead, const at::Tensor& positions, const PromptRows* asTheyCame) {
    CacheViewReader held(cache.view(layer, kvHead));
    const at::Tensor keys = held.keys(), values = held.values();
    if (!asTheyCame)
        return {keys, values};
    const int owner = cache.layout().sourceOf(layer);
    return {asTheyCame->keys(owner, kvHead, positions, keys), asTheyCame->values(owner, kvHead, positions, values)};
}

at::Tensor cachedAttention(const at::Tensor& q, const KvCache& cache, int layer, const PrefillSight& sight,
                           const WeightListener& listener) {
    const int heads = cache.layout().kvHeads;
    const std::int64_t group = q.size(1) / heads, T = q.size(2);

    std::optional<RowTurn> turn;
    if (sight.keep && sight.keep->of(0).turns())
        turn.emplace(*sight.spec, layer);

    const std::vector<HeadRows> held = rowsOfHeads(cache, layer, T, sight.keep);
    std::vector<at::Tensor> outputs(held.size());
    const auto attend = [&](std::int64_t first, std::int64_t last) {
        for (auto head = static_cast<std::size_t>(first); head < static_cast<std::size_t>(last); ++head) {
            const auto& [positions, hidden] = held[head];
            const auto kvHead = static_cast<int>(head);
            const at::Tensor queries = q[0].narrow(0, static_cast<std::int64_t>(head) * group, group); // (g, T, d)
            const auto [keys, values] = promptKv(cache, layer, kvHead, positions, sight.rows);
            at::Tensor products = at::matmul(queries, keys.t());
            if (turn)
                meetSinks(products, queries, keys, positions, sight.keep->of(0), *turn);
            const at::Tensor scores = attentionLogits(products, sight.logits, static_cast<int>(q.size(3)));
            const at::Tensor visible = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
            const at::Tensor weights = at::softmax(visible, -1);
            if (listener)
                listener(static_cast<int>(head), at::nan_to_num(weights, 0).sum(0), hidden.logical_not());
            outputs[head] = mix(weights, hidden, values);
        }
    };
    if (listener) // hears all heads in turn
        attend(0, heads);
    else
        at::parallel_for(0, heads, 1, attend);
    return at::cat(outputs).unsqueeze(0);
}

void prefillChunk(const DecodeState& state, Backend backend, Sequence& text, std::span<const int> tokens,
                  std::int64_t length) {
    const c10::NoGradGuard noGrad;
    const PassKernels kernels = promptKernels(backend, state.model, state.plan.acts);
    std::optional<OneBlasThread> small; // what is left to libtorch are products of single heads
    if (multipliesOnTiles(backend, state.model))
        small.emplace();
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
        const LayerKeep& keep = state.keeps.of(layer, masksPrefill(state.plan));
        const PrefillSight sight{&keep, &spec, spec.logitRule(), text.promptRows()};
        if (backend == Backend::Cpu && !listener)
            if (const at::Tensor y = cachedAttentionByKernel(q, text.cache(), layer, sight); y.defined())
                return y;
        return cachedAttention(q, text.cache(), layer, sight, listener);
    };
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    hiddenStates(state.model, at::tensor(ids).unsqueeze(0), text.tokens(), attention, at::kFloat, length,
                 kernels);
}

} // namespace fovea
