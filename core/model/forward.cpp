#include "core/model/forward.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mean.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "core/model/layer_forward.h"
#include "core/model/rope.h"

namespace fovea {

namespace {

// Rows of the output head cast and multiplied at once: the largest matrix is never whole in fp32.
constexpr std::int64_t kHeadRows = 8192;

// Always in fp32.
at::Tensor normalised(const ModelSpec& spec, const at::Tensor& x, const Gain& w, const PassKernels& kernels) {
    if (const at::Tensor y = kernels.norm ? kernels.norm(spec, w, x) : at::Tensor(); y.defined())
        return y;
    const at::Tensor wide = x.to(at::kFloat);
    const at::Tensor gain =
        spec.normShift == 0 ? w.gain.to(at::kFloat) : w.gain.to(at::kFloat) + spec.normShift;
    if (spec.norm == Norm::Layer)
        return at::layer_norm(wide, {wide.size(-1)}, gain, w.bias.defined() ? w.bias.to(at::kFloat) : w.bias,
                              spec.normEpsilon);
    const at::Tensor scale = at::rsqrt(at::mean(wide * wide, {-1}, /*keepdim=*/true) + spec.normEpsilon);
    return wide * scale * gain;
}

// Angles position·θ_i, as cos and sin (T, rotated/2).
struct Rotation {
    at::Tensor cos, sin;
};

Rotation rotation(const RopeTable& table, std::int64_t first, std::int64_t count, c10::ScalarType type,
                  c10::Device device) {
    const auto options = at::TensorOptions().dtype(at::kDouble).device(device);
    const at::Tensor angle =
        at::outer(at::arange(first, first + count, options), at::tensor(table.frequency, options));
    return {(at::cos(angle) * table.attentionFactor).to(type),
            (at::sin(angle) * table.attentionFactor).to(type)};
}

} // namespace

// The rotations of a pass: layers share them where they share a Rope.
class Rotations {
public:
    Rotations(const ModelSpec& spec, std::int64_t first, std::int64_t count, std::int64_t length,
              c10::ScalarType type, c10::Device device) {
        for (int layer = 0; layer < spec.layers && spec.rotated() > 0; ++layer)
            if (find(spec.ropeOf(layer)) == nullptr)
                m_known.emplace_back(spec.ropeOf(layer),
                                     rotation(ropeTable(spec.ropeOf(layer), spec.rotated(), length), first,
                                              count, type, device));
    }

    // Null where nothing turns.
    const Rotation* find(const Rope& rope) const {
        for (const auto& [known, angles] : m_known)
            if (known == rope)
                return &angles;
        return nullptr;
    }

private:
    std::vector<std::pair<Rope, Rotation>> m_known;
};

namespace {

// Rotates component i with i + n/2 among the first n = rotated; x (B, heads, T, d).
at::Tensor rotate(const at::Tensor& x, const Rotation* r, const PassKernels& kernels) {
    if (r == nullptr)
        return x;
    if (const at::Tensor turned = kernels.rotate ? kernels.rotate(x, r->cos, r->sin) : at::Tensor();
        turned.defined())
        return turned;
    const std::int64_t half = r->cos.size(-1), rest = x.size(-1) - 2 * half;
    const at::Tensor a = x.narrow(-1, 0, half);
    const at::Tensor b = x.narrow(-1, half, half);
    std::vector<at::Tensor> parts = {a * r->cos - b * r->sin, b * r->cos + a * r->sin};
    if (rest > 0)
        parts.push_back(x.narrow(-1, 2 * half, rest));
    return at::cat(parts, -1);
}

// (B, T, heads·d) -> (B, heads, T, d)
at::Tensor splitHeads(const at::Tensor& x, int heads, int headDim) {
    return x.view({x.size(0), x.size(1), heads, headDim}).transpose(1, 2);
}

// What a pass computes with, and who hears of what its matrices are given.
struct Within {
    const PassKernels& kernels;
    const InputListener& heard;

    at::Tensor project(const Linear& w, const at::Tensor& x) const {
        const auto type = x.scalar_type();
        if (const at::Tensor y = kernels.product ? kernels.product(x, w.weight) : at::Tensor();
            y.defined())
            return w.bias.defined() ? y + w.bias.to(type) : y;
        return w.bias.defined() ? at::linear(x, w.weight.to(type), w.bias.to(type))
                                : at::linear(x, w.weight.to(type));
    }
    void tell(MatrixInput input, const at::Tensor& x) const {
        if (heard)
            heard(input, x);
    }
};

// The heads of one projection of x, normalised where their model does that.
at::Tensor projectedHeads(const ModelSpec& spec, const Linear& projection, const Gain& norm, const at::Tensor& x,
                          int heads, const Within& in) {
    const at::Tensor split = splitHeads(in.project(projection, x), heads, spec.headDim);
    return norm.gain.defined() ? normalised(spec, split, norm, in.kernels).to(x.scalar_type()) : split;
}

// x (B, T, D), the residual stream. A layer that reads another's KV passes undefined k and v on.
at::Tensor attentionBlock(const ModelSpec& spec, int layer, const LayerWeights& w, const at::Tensor& x,
                          c10::ScalarType compute, const Rotation* angles, const AttentionFunction& attention,
                          const Within& in) {
    const at::Tensor normed = normalised(spec, x, w.attentionNorm, in.kernels).to(compute);
    in.tell(MatrixInput::Projections, normed);
    const at::Tensor q = projectedHeads(spec, w.query, w.queryNorm, normed, spec.queryHeads, in);
    at::Tensor k, v;
    if (spec.ownsKv(layer)) {
        const at::Tensor own =
            w.keyValueNorm.gain.defined() ? normalised(spec, x, w.keyValueNorm, in.kernels).to(compute) : normed;
        k = rotate(projectedHeads(spec, w.key, w.keyNorm, own, spec.kvHeads, in), angles, in.kernels);
        v = projectedHeads(spec, w.value, {}, own, spec.kvHeads, in);
    }
    const at::Tensor mixed = attention(layer, rotate(q, angles, in.kernels), k, v);
    const at::Tensor joined =
        mixed.transpose(1, 2).reshape({normed.size(0), normed.size(1), spec.queryHeads * spec.headDim});
    in.tell(MatrixInput::Output, joined);
    return in.project(w.output, joined);
}

at::Tensor activated(Activation activation, const at::Tensor& x) {
    switch (activation) {
    case Activation::Silu:
        return at::silu(x);
    case Activation::Gelu:
        return at::gelu(x);
    case Activation::GeluTanh:
        return at::gelu(x, "tanh");
    case Activation::Relu:
        return at::relu(x);
    }
    return x;
}

at::Tensor feedForward(const ModelSpec& spec, const LayerWeights& w, const at::Tensor& normed,
                       const Within& in) {
    in.tell(MatrixInput::Inner, normed);
    const at::Tensor first = in.project(spec.gated ? w.gate : w.up, normed);
    const at::Tensor times = spec.gated ? in.project(w.up, normed) : at::Tensor();
    const auto& activate = in.kernels.activate;
    at::Tensor inner = activate ? activate(spec.activation, first, times) : at::Tensor();
    if (!inner.defined())
        inner = times.defined() ? activated(spec.activation, first) * times : activated(spec.activation, first);
    in.tell(MatrixInput::Down, inner);
    return in.project(w.down, inner);
}

// What a block adds to the residual stream.
at::Tensor added(const ModelSpec& spec, const at::Tensor& output, const Gain& norm, const PassKernels& kernels) {
    return spec.outputNorms ? normalised(spec, output, norm, kernels) : output;
}

} // namespace

at::Tensor embeddedTokens(const Model& model, const at::Tensor& tokens, std::int64_t firstPosition) {
    // The residual stream stays fp32: its sums are what bf16 would lose first.
    at::Tensor x = model.embedding.take(tokens, at::kFloat);
    if (model.spec.embeddingScale != 1)
        x = x * model.spec.embeddingScale;
    if (model.spec.learnedPositions)
        x = x + model.positions.rows(firstPosition, tokens.size(1), at::kFloat);
    return x;
}

LayerForward::LayerForward(const ModelSpec& spec, std::int64_t firstPosition, std::int64_t count,
                           std::int64_t length, c10::ScalarType compute, c10::Device device,
                           PassKernels kernels)
    : m_spec(spec), m_compute(compute), m_kernels(std::move(kernels)),
      m_rotations(std::make_shared<const Rotations>(
          spec, firstPosition, count, length > 0 ? length : firstPosition + count, compute, device)) {}

at::Tensor LayerForward::attended(int layer, const LayerWeights& w, const at::Tensor& x,
                                  const AttentionFunction& attention, const InputListener& heard) const {
    const Rotation* const angles = m_rotations->find(m_spec.ropeOf(layer));
    return added(m_spec, attentionBlock(m_spec, layer, w, x, m_compute, angles, attention, {m_kernels, heard}),
                 w.attentionOutputNorm, m_kernels);
}

at::Tensor LayerForward::fed(const LayerWeights& w, const at::Tensor& x, const InputListener& heard) const {
    const at::Tensor normed = normalised(m_spec, x, w.ffnNorm, m_kernels).to(m_compute);
    return added(m_spec, feedForward(m_spec, w, normed, {m_kernels, heard}), w.ffnOutputNorm, m_kernels);
}

at::Tensor LayerForward::after(int layer, const LayerWeights& w, const at::Tensor& x,
                               const AttentionFunction& attention, const InputListener& heard) const {
    const at::Tensor more = attended(layer, w, x, attention, heard);
    if (m_spec.parallelResidual)
        return x + more + fed(w, x, heard);
    const at::Tensor between = x + more;
    return between + fed(w, between, heard);
}

at::Tensor hiddenStates(const Model& model, const at::Tensor& tokens, std::int64_t firstPosition,
                        const AttentionFunction& attention, c10::ScalarType compute, std::int64_t length,
                        const PassKernels& kernels) {
    const ModelSpec& spec = model.spec;
    const LayerForward forward(spec, firstPosition, tokens.size(1), length, compute, tokens.device(), kernels);
    at::Tensor x = embeddedTokens(model, tokens, firstPosition);
    for (int layer = 0; layer < spec.layers; ++layer)
        x = forward.after(layer, model.layers[static_cast<std::size_t>(layer)], x, attention);
    return normalised(spec, x, model.finalNorm, kernels).to(compute);
}

at::Tensor logits(const Model& model, const at::Tensor& hidden) {
    std::vector<at::Tensor> parts;
    const bool asHeld =
        model.head.blocks() == BlockType::None && model.head.stored().scalar_type() == hidden.scalar_type();
    const std::int64_t rows = model.head.rows(), step = asHeld ? rows : kHeadRows;
    for (std::int64_t first = 0; first < rows; first += step)
        parts.push_back(
            at::linear(hidden, model.head.rows(first, std::min(step, rows - first), hidden.scalar_type()))
                .to(at::kFloat));
    const at::Tensor all = parts.size() == 1 ? parts.front() : at::cat(parts, -1);
    const float cap = model.spec.logitSoftcap;
    return cap == 0 ? all : at::tanh(all / cap) * cap;
}

} // namespace fovea
