#include "core/model/forward.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/triu.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace fovea {

namespace {

// Rows of queries scored at once: bounds the score matrix at H·kQueryRows·T floats and skips, block by block,
// most of the half that the causal mask would throw away.
constexpr std::int64_t kQueryRows = 256;

// x / sqrt(mean(x²) + ε) · w, always in fp32.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, float epsilon) {
    const at::Tensor wide = x.to(at::kFloat);
    const at::Tensor scale = at::rsqrt(at::mean(wide * wide, {-1}, /*keepdim=*/true) + epsilon);
    return wide * scale * weight.to(at::kFloat);
}

// Angles position·θ^(-2i/d), as cos and sin (T, d/2).
struct Rotation {
    at::Tensor cos, sin;
};

Rotation rotation(const ModelSpec& spec, std::int64_t first, std::int64_t count, c10::ScalarType type,
                  c10::Device device) {
    const auto options = at::TensorOptions().dtype(at::kDouble).device(device);
    const at::Tensor exponent = at::arange(0, spec.headDim, 2, options) * (-1.0 / spec.headDim);
    const at::Tensor frequency = at::pow(static_cast<double>(spec.rope.theta), exponent);
    const at::Tensor angle = at::outer(at::arange(first, first + count, options), frequency);
    return {at::cos(angle).to(type), at::sin(angle).to(type)};
}

// Rotates component i with i + d/2; x (B, heads, T, d).
at::Tensor rotate(const at::Tensor& x, const Rotation& r) {
    const std::int64_t half = x.size(-1) / 2;
    const at::Tensor a = x.narrow(-1, 0, half);
    const at::Tensor b = x.narrow(-1, half, half);
    return at::cat({a * r.cos - b * r.sin, b * r.cos + a * r.sin}, -1);
}

// (B, T, heads·d) -> (B, heads, T, d)
at::Tensor splitHeads(const at::Tensor& x, int heads, int headDim) {
    return x.view({x.size(0), x.size(1), heads, headDim}).transpose(1, 2);
}

at::Tensor attentionBlock(const ModelSpec& spec, int layer, const LayerWeights& w, const at::Tensor& normed,
                          const Rotation& angles, const AttentionFunction& attention) {
    const auto type = normed.scalar_type();
    const at::Tensor q =
        splitHeads(at::linear(normed, w.query.weight.to(type)), spec.queryHeads, spec.headDim);
    const at::Tensor k = splitHeads(at::linear(normed, w.key.weight.to(type)), spec.kvHeads, spec.headDim);
    const at::Tensor v = splitHeads(at::linear(normed, w.value.weight.to(type)), spec.kvHeads, spec.headDim);
    const at::Tensor mixed = attention(layer, rotate(q, angles), rotate(k, angles), v);
    const at::Tensor joined =
        mixed.transpose(1, 2).reshape({normed.size(0), normed.size(1), spec.queryHeads * spec.headDim});
    return at::linear(joined, w.output.weight.to(type));
}

// down(silu(gate(x)) · up(x))
at::Tensor feedForward(const LayerWeights& w, const at::Tensor& normed) {
    const auto type = normed.scalar_type();
    const at::Tensor gated =
        at::silu(at::linear(normed, w.gate.weight.to(type))) * at::linear(normed, w.up.weight.to(type));
    return at::linear(gated, w.down.weight.to(type));
}

} // namespace

at::Tensor hiddenStates(const Model& model, const at::Tensor& tokens, std::int64_t firstPosition,
                        const AttentionFunction& attention, c10::ScalarType compute) {
    const ModelSpec& spec = model.spec;
    const Rotation angles = rotation(spec, firstPosition, tokens.size(1), compute, tokens.device());
    // The residual stream stays fp32: its sums are what bf16 would lose first.
    at::Tensor x = model.embedding.take(tokens, at::kFloat);
    for (int layer = 0; layer < spec.layers; ++layer) {
        const LayerWeights& w = model.layers[static_cast<std::size_t>(layer)];
        const at::Tensor before = rmsNorm(x, w.attentionNorm.gain, spec.normEpsilon).to(compute);
        x = x + attentionBlock(spec, layer, w, before, angles, attention);
        x = x + feedForward(w, rmsNorm(x, w.ffnNorm.gain, spec.normEpsilon).to(compute));
    }
    return rmsNorm(x, model.finalNorm.gain, spec.normEpsilon).to(compute);
}

at::Tensor logits(const Model& model, const at::Tensor& hidden) {
    return at::linear(hidden, model.head.to(hidden.scalar_type())).to(at::kFloat);
}

at::Tensor causalAttention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
    const std::int64_t batch = q.size(0), heads = q.size(1), length = q.size(2), d = q.size(3);
    const std::int64_t kvHeads = k.size(1), group = heads / kvHeads;
    // The group's queries become more rows of one product, so K and V are never copied per query head.
    const at::Tensor grouped =
        (q * (1.0 / std::sqrt(static_cast<double>(d)))).reshape({batch, kvHeads, group, length, d});
    std::vector<at::Tensor> blocks;
    for (std::int64_t first = 0; first < length; first += kQueryRows) {
        const std::int64_t rows = std::min(kQueryRows, length - first), seen = first + rows;
        const at::Tensor hidden =
            at::full({rows, seen}, -std::numeric_limits<float>::infinity(), q.options()).triu(first + 1);
        const at::Tensor mine = grouped.narrow(3, first, rows).reshape({batch, kvHeads, group * rows, d});
        const at::Tensor scores = at::matmul(mine, k.narrow(2, 0, seen).transpose(-2, -1));
        const at::Tensor masked = scores.view({batch, kvHeads, group, rows, seen}) + hidden;
        // The CPU softmax of a bf16 tensor computes in fp32 inside and rounds once.
        const at::Tensor weights = at::softmax(masked, -1).view({batch, kvHeads, group * rows, seen});
        blocks.push_back(at::matmul(weights, v.narrow(2, 0, seen)).view({batch, heads, rows, d}));
    }
    return blocks.size() == 1 ? blocks.front() : at::cat(blocks, 2);
}

} // namespace fovea
