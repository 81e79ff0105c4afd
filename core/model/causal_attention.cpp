#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tril.h>
#include <ATen/ops/triu.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "core/model/forward.h"

namespace fovea {

namespace {

// Rows of queries scored at once: bounds the score matrix at H·kQueryRows·T floats and skips, block by block,
// most of the half that the causal mask would throw away.
constexpr std::int64_t kQueryRows = 256;

// (rows, seen): −∞ where query first + i may not see key from + j, else 0.
at::Tensor mask(std::int64_t first, std::int64_t rows, std::int64_t from, std::int64_t seen, int window,
                const at::TensorOptions& options) {
    const at::Tensor hidden = at::full({rows, seen}, -std::numeric_limits<float>::infinity(), options);
    const at::Tensor future = at::triu(hidden, first - from + 1);
    return window > 0 ? future + at::tril(hidden, first - from - window) : future;
}

} // namespace

at::Tensor attentionLogits(const at::Tensor& products, const LogitRule& rule, int headDim) {
    const at::Tensor scaled = products * rule.scaleOf(headDim);
    return rule.softcap == 0 ? scaled : at::tanh(scaled / rule.softcap) * rule.softcap;
}

at::Tensor causalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                           const LogitRule& rule, int window) {
    const std::int64_t batch = q.size(0), heads = q.size(1), length = q.size(2), d = q.size(3);
    const std::int64_t kvHeads = k.size(1), group = heads / kvHeads;
    // The group's queries become more rows of one product, so K and V are never copied per query head; scaled
    // before it, where there are fewer numbers.
    const at::Tensor grouped =
        (q * rule.scaleOf(static_cast<int>(d))).reshape({batch, kvHeads, group, length, d});
    const LogitRule capped{1, rule.softcap};
    std::vector<at::Tensor> blocks;
    for (std::int64_t first = 0; first < length; first += kQueryRows) {
        const std::int64_t rows = std::min(kQueryRows, length - first);
        const std::int64_t from = window > 0 ? std::max<std::int64_t>(0, first - window + 1) : 0;
        const std::int64_t seen = first + rows - from;
        const at::Tensor mine = grouped.narrow(3, first, rows).reshape({batch, kvHeads, group * rows, d});
        at::Tensor scores = at::matmul(mine, k.narrow(2, from, seen).transpose(-2, -1));
        if (rule.softcap != 0)
            scores = attentionLogits(scores, capped, static_cast<int>(d));
        const at::Tensor masked = scores.view({batch, kvHeads, group, rows, seen}) +
                                  mask(first, rows, from, seen, window, q.options());
        // The CPU softmax of a bf16 tensor computes in fp32 inside and rounds once.
        const at::Tensor weights = at::softmax(masked, -1).view({batch, kvHeads, group * rows, seen});
        blocks.push_back(at::matmul(weights, v.narrow(2, from, seen)).view({batch, heads, rows, d}));
    }
    return blocks.size() == 1 ? blocks.front() : at::cat(blocks, 2);
}

AttentionFunction causalAttentionOf(const ModelSpec& spec) {
    if (spec.kvSources.empty())
        return [&spec](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
            return causalAttention(q, k, v, spec.logitRule(), spec.window(layer));
        };
    using Rows = std::vector<std::pair<at::Tensor, at::Tensor>>; // of each owner
    return [&spec, owned = std::make_shared<Rows>(static_cast<std::size_t>(spec.layers))](
               int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        auto& [keys, values] = (*owned)[static_cast<std::size_t>(spec.kvSource(layer))];
        if (spec.ownsKv(layer))
            keys = k, values = v;
        return causalAttention(q, keys, values, spec.logitRule(), spec.window(layer));
    };
}

} // namespace fovea
