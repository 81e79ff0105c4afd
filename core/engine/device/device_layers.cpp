#include "core/engine/device/device_layers.h"

#include <algorithm>
#include <utility>

#include "core/kernels/cuda/gemm.h"
#include "core/kernels/cuda/model_kernels.h"
#include "core/kernels/cuda/round_acts.h"

namespace fovea {

namespace {

// May both be multiplied in one launch?
bool heldAlike(const DeviceParameter& a, const DeviceParameter& b) {
    if (a.packed.has_value() != b.packed.has_value() || a.blocks != b.blocks)
        return false;
    return a.packed ? a.packed->bits == b.packed->bits && a.packed->group == b.packed->group &&
                          a.packed->zeros == b.packed->zeros
                    : a.blocks != BlockType::None || a.type == b.type;
}

// Of a few vectors, or of a prompt's.
void multiplyFew(const DeviceParameter& held, const cuda::Gemv& step, cuda::Stream stream) {
    if (held.packed)
        return cuda::gemv(*held.packed, step, stream);
    held.blocks == BlockType::None ? cuda::gemv(held.type, step, stream)
                                   : cuda::gemv(held.blocks, step, stream);
}
void multiplyMany(const DeviceParameter& held, const cuda::Gemv& step, cuda::Stream stream) {
    if (held.packed)
        return cuda::gemm(*held.packed, step, stream);
    if (held.blocks != BlockType::None)
        return cuda::gemm(held.blocks, step, stream);
    // In f16 halves a vector's number beyond 65504 would be none, and some models have such.
    const auto units = held.type == ElementType::F16 ? cuda::GemmUnits::Ordinary : cuda::GemmUnits::Matrix;
    cuda::gemm(held.type, step, stream, units);
}

} // namespace

DeviceLayers::DeviceLayers(const ModelSpec& spec, std::shared_ptr<const DeviceWeights> weights,
                           std::optional<ActGrid> acts, cuda::Stream stream)
    : m_spec(spec), m_weights(std::move(weights)), m_acts(acts), m_stream(stream) {}

void DeviceLayers::begin(std::int64_t rows, Products products) {
    m_rows = rows;
    m_products = products;
    for (Room<float>* x : {&m_x, &m_normed, &m_attentionAdds, &m_ffnAdds})
        x->atLeast(rows * m_spec.width);
    m_inner.atLeast(rows * m_spec.ffn);
    m_up.atLeast(m_spec.gated ? rows * m_spec.ffn : 0);
    if (!m_acts)
        return;
    const std::int64_t widest =
        std::max<std::int64_t>({m_spec.width, m_spec.ffn, std::int64_t{m_spec.queryHeads} * m_spec.headDim});
    m_rounded.atLeast(rows * widest);
    m_codes.atLeast(rows * widest);
    m_zeros.atLeast(rows);
    m_scales.atLeast(rows);
}

void DeviceLayers::embed(const int* tokens, const int* positions) {
    cuda::EmbedRows step;
    step.type = m_weights->embedding.type;
    step.blocks = m_weights->embedding.blocks;
    step.table = m_weights->embedding.data;
    step.vocabulary = m_spec.vocabulary;
    step.tokens = tokens;
    step.scale = m_spec.embeddingScale;
    step.x = m_x.data();
    step.n = m_spec.width;
    step.rows = m_rows;
    m_moved[Component::Weights] += m_rows * m_weights->embedding.rowBytes;
    if (const DeviceParameter& learnt = m_weights->positions; learnt.defined()) {
        step.positionType = learnt.type;
        step.positionBlocks = learnt.blocks;
        step.positionTable = learnt.data;
        step.context = static_cast<int>(learnt.rows);
        step.positions = positions;
        m_moved[Component::Weights] += m_rows * learnt.rowBytes;
    }
    cuda::embed(step, m_stream);
}

void DeviceLayers::project(int layer, const Heads& heads, const Angles& angles) {
    const DeviceLayer& w = layerOf(layer);
    const bool owns = m_spec.ownsKv(layer), ownNorm = w.keyValueNorm.gain.defined();
    norm(w.attentionNorm, m_x, m_normed);
    if (owns && !ownNorm)
        project(m_normed.data(), m_spec.width, {{w.query, heads.q}, {w.key, heads.k}, {w.value, heads.v}});
    else
        project(m_normed.data(), m_spec.width, {{w.query, heads.q}});
    if (owns && ownNorm) {
        norm(w.keyValueNorm, m_x, m_normed);
        project(m_normed.data(), m_spec.width, {{w.key, heads.k}, {w.value, heads.v}});
    }
    place(w.queryNorm, heads.q, m_spec.queryHeads, angles);
    if (owns)
        place(w.keyNorm, heads.k, m_spec.kvHeads, angles);
}

// Heads as they are compared: normalised where the model does that, and turned.
void DeviceLayers::place(const DeviceGain& gain, float* x, int heads, const Angles& angles) {
    if (m_spec.queryKeyNorm)
        norm(gain, x, x, m_spec.headDim, m_rows * heads);
    if (angles.pairs > 0)
        cuda::rope({x, heads, m_spec.headDim, angles.pairs, angles.cosines, angles.sines, m_rows}, m_stream);
}

void DeviceLayers::finish(int layer, const float* attended) {
    const DeviceLayer& w = layerOf(layer);
    project(attended, std::int64_t{m_spec.queryHeads} * m_spec.headDim, {{w.output, m_attentionAdds.data()}});
    if (m_spec.outputNorms)
        norm(w.attentionOutputNorm, m_attentionAdds, m_attentionAdds);
    if (!m_spec.parallelResidual)
        add(m_attentionAdds);
    feedForward(w);
    if (m_spec.parallelResidual)
        add(m_attentionAdds);
    add(m_ffnAdds);
}

void DeviceLayers::feedForward(const DeviceLayer& w) {
    norm(w.ffnNorm, m_x, m_normed);
    if (m_spec.gated)
        project(m_normed.data(), m_spec.width, {{w.gate, m_inner.data()}, {w.up, m_up.data()}});
    else
        project(m_normed.data(), m_spec.width, {{w.up, m_inner.data()}});
    cuda::activate({static_cast<cuda::Activation>(m_spec.activation), m_inner.data(),
                    m_spec.gated ? m_up.data() : nullptr, m_rows * m_spec.ffn},
                   m_stream);
    project(m_inner.data(), m_spec.ffn, {{w.down, m_ffnAdds.data()}});
    if (m_spec.outputNorms)
        norm(w.ffnOutputNorm, m_ffnAdds, m_ffnAdds);
}

void DeviceLayers::toLogits(float* logits) {
    norm(m_weights->finalNorm, m_x, m_normed);
    cuda::Gemv step;
    step.x = m_normed.data();
    step.in = m_spec.width;
    step.vectors = m_rows;
    step.products[0] = {m_weights->head.data, m_weights->head.rows, logits};
    multiply(m_weights->head, step);
    if (m_spec.logitSoftcap != 0)
        cuda::softcap({logits, m_rows * m_spec.vocabulary, m_spec.logitSoftcap}, m_stream);
}

void DeviceLayers::norm(const DeviceGain& w, const Room<float>& x, const Room<float>& y) {
    norm(w, x.data(), y.data(), m_spec.width, m_rows);
}

void DeviceLayers::norm(const DeviceGain& w, const float* x, float* y, int n, std::int64_t rows) {
    cuda::norm({m_spec.norm == Norm::Layer, m_spec.normEpsilon, m_spec.normShift, w.gain.type, w.gain.data, x,
                y, n, rows},
               m_stream);
    m_moved[Component::Weights] += w.gain.bytes;
    if (!w.bias.defined())
        return;
    cuda::add({w.bias.type, w.bias.data, false, y, n, rows}, m_stream);
    m_moved[Component::Weights] += w.bias.bytes;
}

// to = x (rows, in) · byᵀ + its bias, of matrices that share x.
void DeviceLayers::project(const float* x, std::int64_t in, std::initializer_list<Projection> all) {
    cuda::Gemv step;
    step.x = x;
    step.in = in;
    step.vectors = m_rows;
    step.count = 0;
    const DeviceParameter* held = nullptr; // as the matrices of one launch are
    for (const Projection& one : all) {
        const DeviceParameter& w = one.by.weight;
        if (held && !heldAlike(*held, w)) {
            multiplyRounded(*held, step);
            step.count = 0;
        }
        held = &w;
        step.products[step.count++] = {w.data, w.rows, one.to};
    }
    multiplyRounded(*held, step);
    for (const Projection& one : all)
        addBias(one.by.bias, one.to, static_cast<int>(one.by.weight.rows));
}

void DeviceLayers::multiply(const DeviceParameter& held, const cuda::Gemv& step) {
    m_products == Products::Prompt ? multiplyMany(held, step, m_stream) : multiplyFew(held, step, m_stream);
    countRead(held, step);
}

// What is rounded for one launch may lie in another order than the next one's weights want.
void DeviceLayers::multiplyRounded(const DeviceParameter& held, cuda::Gemv step) {
    if (!m_acts)
        return multiply(held, step);
    const bool whole = held.packed && cuda::takesWholeVectors(*held.packed, step.in);
    cuda::RoundActs rounding;
    rounding.bits = m_acts->bits;
    rounding.symmetric = m_acts->symmetric;
    rounding.x = step.x;
    rounding.n = step.in;
    rounding.vectors = m_rows;
    rounding.rounded = m_rounded.data();
    if (whole) {
        rounding.whole = {m_codes.data(), m_zeros.data(), m_scales.data()};
        rounding.weightBits = held.packed->bits;
    }
    cuda::roundActs(rounding, m_stream);
    step.x = m_rounded.data();
    if (!whole)
        return multiply(held, step);
    m_products == Products::Prompt ? cuda::gemm(*held.packed, rounding.whole, step, m_stream)
                                   : cuda::gemv(*held.packed, rounding.whole, step, m_stream);
    countRead(held, step);
}

void DeviceLayers::countRead(const DeviceParameter& held, const cuda::Gemv& step) {
    // That share each load of a weight.
    const std::int64_t together = m_products == Products::Prompt ? cuda::kGemmVectors : cuda::kMostVectors;
    const std::int64_t passes = (m_rows + together - 1) / together;
    for (int i = 0; i < step.count; ++i)
        m_moved[Component::Weights] += passes * step.products[i].rows * held.rowBytes;
}

void DeviceLayers::addBias(const DeviceParameter& bias, float* y, int n) {
    if (!bias.defined())
        return;
    cuda::add({bias.type, bias.data, false, y, n, m_rows}, m_stream);
    m_moved[Component::Weights] += bias.bytes;
}

void DeviceLayers::add(const Room<float>& addend) {
    cuda::add({ElementType::F32, addend.data(), true, m_x.data(), m_spec.width, m_rows}, m_stream);
}

} // namespace fovea
