#include "core/methods/keep/moa.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>

#include "core/methods/cache_reader.h"
#include "core/model/forward.h"

namespace fovea {

namespace {

std::int64_t inUnits(double tokens) {
    return std::llround(std::ldexp(tokens, SpanGrowth::kUnit));
}

SpanGrowth growthOf(const MoaParams& params, const MoaSpan& span) {
    return {.alpha = inUnits(span.alpha),
            .beta = inUnits(span.beta),
            .sinks = params.sinks,
            .block = params.block,
            .minimum = params.minimum};
}

} // namespace

bool MoaSpan::valid() const {
    return std::abs(alpha) <= kLargestAlpha && beta >= 0 && beta <= 1;
}

bool MoaParams::operator==(const MoaParams& other) const {
    const bool spansAlike =
        spans && other.spans ? *spans == *other.spans : !spans && !other.spans && all == other.all;
    return spansAlike && sinks == other.sinks && block == other.block && minimum == other.minimum &&
           length == other.length;
}

std::int64_t moaTokens(const MoaParams& params, const MoaSpan& span, std::int64_t n) {
    return growthOf(params, span).tokens(n);
}

KeepRule moaRule(const MoaParams& params, int layer, int head) {
    const SpanGrowth growth = growthOf(params, params.of(layer, head));
    if (params.length == 0 && growth.beta > 0)
        return {.sinks = params.sinks, .growth = growth};
    // A span that does not grow with N is cut by it alone: while N < α every token is seen either way.
    const std::int64_t n = params.length > 0 ? params.length : KeepRule::kUnbounded;
    return {.sinks = params.sinks, .window = growth.tokens(n) - params.sinks - 1};
}

MoaSpans moaSpansFor(const MoaParams& params, int layers, int heads) {
    if (params.spans && params.spans->layers == layers && params.spans->heads == heads)
        return *params.spans;
    MoaSpans spans{.layers = layers, .heads = heads, .spans = {}};
    spans.spans.assign(static_cast<std::size_t>(layers) * static_cast<std::size_t>(heads), params.all);
    return spans;
}

at::Tensor moaSight(std::span<const KeepRule> rules, const at::Tensor& positions) {
    const at::Tensor list = positions.contiguous();
    const auto* position = list.data_ptr<std::int64_t>();
    const std::int64_t n = list.numel(), p = *std::max_element(position, position + n);
    at::Tensor sight = at::empty({static_cast<std::int64_t>(rules.size()), n}, at::kBool);
    auto* sees = sight.data_ptr<bool>();
    for (const KeepRule& rule : rules)
        for (std::int64_t i = 0; i < n; ++i)
            *sees++ = rule.sees(p, position[i]);
    return sight;
}

// Section 3 of 2406.14909, one head at a time: rows that a head does not see take no part, not even as 0 times them.
at::Tensor moaTruth(std::span<const KeepRule> rules, const at::Tensor& q, CacheReader& kept,
                    const at::Tensor& positions, const LogitRule& logits) {
    const at::Tensor keys = kept.keys(), values = kept.values(), sight = moaSight(rules, positions);
    std::vector<at::Tensor> outputs;
    for (std::int64_t head = 0; head < q.size(0); ++head) {
        const at::Tensor seen = sight[head].nonzero().squeeze(-1);
        const at::Tensor scores = attentionLogits(at::matmul(keys.index_select(0, seen), q[head]), logits,
                                                  static_cast<int>(q.size(-1)));
        outputs.push_back(at::matmul(at::softmax(scores, -1), values.index_select(0, seen)));
    }
    return at::stack(outputs);
}

} // namespace fovea
