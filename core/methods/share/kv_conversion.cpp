#include "core/methods/share/kv_conversion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <c10/core/GradMode.h>

#include "core/cache/scalar_type.h"
#include "core/model/model.h"

namespace fovea {

namespace {

// A layer's key or value projection as a function of x̂, in fp32: (W diag g) and (W b + c). `bias` is undefined where
// neither the norm nor the projection has one.
struct Absorbed {
    at::Tensor weight, bias;
};

Absorbed absorbed(const ModelSpec& spec, const Gain& norm, const Linear& projection) {
    const at::Tensor w = projection.weight.to(at::kFloat);
    Absorbed result{w * (norm.gain.to(at::kFloat) + spec.normShift), {}};
    if (norm.bias.defined())
        result.bias = at::matmul(w, norm.bias.to(at::kFloat));
    if (projection.bias.defined()) {
        const at::Tensor c = projection.bias.to(at::kFloat);
        result.bias = result.bias.defined() ? result.bias + c : c;
    }
    return result;
}

// Sums over a group's layers, then their mean.
class GroupMean {
public:
    explicit GroupMean(const ModelSpec& spec) : m_spec(spec) {}

    void add(const LayerWeights& layer) {
        for (const auto& [sum, projection] :
             {std::pair(&m_key, &layer.key), std::pair(&m_value, &layer.value)}) {
            const Absorbed one = absorbed(m_spec, layer.attentionNorm, *projection);
            sum->weight = sum->weight.defined() ? sum->weight.add_(one.weight) : one.weight;
            if (one.bias.defined())
                sum->bias = sum->bias.defined() ? sum->bias.add_(one.bias) : one.bias.clone();
        }
        if (m_spec.queryKeyNorm) {
            const at::Tensor gain = layer.keyNorm.gain.to(at::kFloat);
            m_keyGain = m_keyGain.defined() ? m_keyGain + gain : gain;
        }
        ++m_layers;
    }

    // The KV block of the group's owner.
    void putInto(LayerWeights& owner) const {
        const auto type = scalarType(m_spec.type);
        const auto mean = [&](const at::Tensor& sum) {
            return sum.defined() ? (sum / m_layers).to(type) : at::Tensor();
        };
        owner.keyValueNorm = {at::full({m_spec.width}, 1 - m_spec.normShift, type), {}};
        owner.key = {mean(m_key.weight), mean(m_key.bias)};
        owner.value = {mean(m_value.weight), mean(m_value.bias)};
        owner.keyNorm = {mean(m_keyGain), owner.keyNorm.bias};
    }

private:
    const ModelSpec& m_spec;
    Absorbed m_key, m_value;
    at::Tensor m_keyGain;
    int m_layers = 0;
};

} // namespace

std::shared_ptr<const Model> convertKv(const Model& model, const Share& share,
                                       const ConversionProgress& progress, const std::atomic<bool>& cancel) {
    const c10::NoGradGuard noGrad;
    auto shared = std::make_shared<Model>(model);
    shared->spec = sharedSpec(model.spec, share);
    const std::vector<int> converted = convertedLayers(share, model.spec);
    int done = 0;
    for (const int owner : converted) {
        GroupMean mean(model.spec);
        for (int layer = owner; layer < model.spec.layers; ++layer) {
            if (cancel)
                return nullptr;
            if (shared->spec.kvSource(layer) == owner)
                mean.add(model.layers[static_cast<std::size_t>(layer)]);
        }
        mean.putInto(shared->layers[static_cast<std::size_t>(owner)]);
        if (progress)
            progress(++done, static_cast<int>(converted.size()));
    }
    for (int layer = 0; layer < model.spec.layers; ++layer)
        if (!shared->spec.ownsKv(layer)) {
            LayerWeights& borrower = shared->layers[static_cast<std::size_t>(layer)];
            borrower.key = borrower.value = {};
            borrower.keyNorm = {};
        }
    return shared;
}

} // namespace fovea
