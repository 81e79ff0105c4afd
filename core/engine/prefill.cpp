#include "core/engine/prefill.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
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
#include "core/engine/prompt_kernels.h"
#include "core/engine/prompt_product.h"
#include "core/engine/prompt_rows.h"
#include "core/engine/sequence.h"
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

// The positions of the T newest of `positions` (S) -> (T).
at::Tensor newest(const at::Tensor& positions, std::int64_t T) {
    const std::int64_t last = positions.max().item<std::int64_t>();
    return at::arange(last - T + 1, last + 1, at::kLong);
}

// (T, S): true where the T newest tokens' queries may not see the token of a slot. positions (S).
at::Tensor hiddenFrom(const at::Tensor& positions, std::int64_t T, const KeepRule& keep) {
    const at::Tensor queries = newest(positions, T);
    const at::Tensor distance = queries.unsqueeze(1) - positions; // (T, S)
    std::vector<std::int64_t> windows;                            // whose width may grow with the text
    for (std::int64_t p = queries[0].item<std::int64_t>(); std::ssize(windows) < T; ++p)
        windows.push_back(keep.oldest(p));
    const at::Tensor oldest = at::tensor(windows, at::kLong).unsqueeze(1); // (T, 1)
    return (distance < 0)
        .logical_or((positions < oldest).logical_and(positions >= keep.sinks))
        .logical_or(distance > keep.reach);
}

// The same for the heads of KV head g's group: (T, S) where they see alike, else (g, T, S).
at::Tensor hiddenFromGroup(const at::Tensor& positions, std::int64_t T, const LayerKeep* keep, int kvHead) {
    if (!keep || keep->same())
        return hiddenFrom(positions, T, keep ? keep->of(0) : KeepRule{});
    std::vector<at::Tensor> heads;
    for (int i = 0; i < keep->group(); ++i)
        heads.push_back(hiddenFrom(positions, T, keep->of(kvHead * keep->group() + i)));
    return at::stack(heads);
}

// products (g, T, S) of queries (g, T, d) with keys (S, d): those of the sinks anew, each with queries that are turned
// to the distance at which `rule` has it met.
void meetSinks(at::Tensor& products, const at::Tensor& queries, const at::Tensor& keys,
               const at::Tensor& positions, const KeepRule& rule, const RowTurn& turn) {
    const std::int64_t g = queries.size(0), T = queries.size(1),
                       first = newest(positions, T)[0].item<std::int64_t>();
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

// What one KV head holds, and what its group's queries do not see of it.
struct HeadRows {
    at::Tensor positions, hidden; // (S), (T, S) or (g, T, S)
};

// Heads that hold the same tokens and see alike share what is hidden, which takes longer to say than to use.
std::vector<HeadRows> rowsOfHeads(const KvCache& cache, int layer, std::int64_t T, const LayerKeep* keep) {
    const bool alike = !keep || keep->same();
    std::vector<HeadRows> all;
    for (int head = 0; head < cache.layout().kvHeads; ++head) {
        const at::Tensor positions = CacheViewReader(cache.view(layer, head)).positions();
        const bool asBefore = alike && !all.empty() && at::equal(positions, all.back().positions);
        all.push_back({positions, asBefore ? all.back().hidden : hiddenFromGroup(positions, T, keep, head)});
    }
    return all;
}

} // namespace

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
            CacheViewReader rows(cache.view(layer, kvHead));
            const at::Tensor queries = q[0].narrow(0, static_cast<std::int64_t>(head) * group, group); // (g, T, d)
            at::Tensor keys = rows.keys(), values = rows.values();                                     // (S, d)
            if (sight.rows) {
                const int owner = cache.layout().sourceOf(layer);
                keys = sight.rows->keys(owner, kvHead, positions, keys);
                values = sight.rows->values(owner, kvHead, positions, values);
            }
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
        return cachedAttention(q, text.cache(), layer, {&keep, &spec, spec.logitRule(), text.promptRows()}, listener);
    };
    const std::vector<std::int64_t> ids(tokens.begin(), tokens.end());
    hiddenStates(state.model, at::tensor(ids).unsqueeze(0), text.tokens(), attention, at::kFloat, length,
                 kernels);
}

} // namespace fovea
