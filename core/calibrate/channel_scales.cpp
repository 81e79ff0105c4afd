#include "core/calibrate/channel_scales.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/outer.h>

namespace fovea {

namespace {

// gain and bias of x̂·gain + bias, divided by s; gains of some models are stored around 0.
Gain divided(const Gain& norm, float shift, const at::Tensor& s) {
    Gain result{(norm.gain.to(at::kFloat) + shift) / s - shift, {}};
    if (norm.bias.defined())
        result.bias = norm.bias.to(at::kFloat) / s;
    return result;
}

Linear dividedRows(const Linear& linear, const at::Tensor& s) {
    Linear result{Weight(linear.weight.to(at::kFloat) / s.unsqueeze(1)), {}};
    if (linear.bias.defined())
        result.bias = linear.bias.to(at::kFloat) / s;
    return result;
}

} // namespace

bool scalesFold(const ModelSpec& spec, const LayerWeights& w, MatrixInput input) {
    switch (input) {
    case MatrixInput::Projections:
        return w.key.weight.defined() && !w.keyValueNorm.gain.defined();
    case MatrixInput::Output:
        return spec.queryHeads == spec.kvHeads && w.value.weight.defined();
    case MatrixInput::Inner:
        return true;
    case MatrixInput::Down:
        return spec.gated || spec.activation == Activation::Relu;
    }
    return false;
}

LayerWeights scaled(const ModelSpec& spec, const LayerWeights& w, MatrixInput input, const at::Tensor& s) {
    const at::Tensor single = s.to(at::kFloat);
    LayerWeights result = w;
    for (const LayerMatrix& part : kLayerMatrices)
        if (part.input == input && (w.*part.matrix).weight.defined())
            (result.*part.matrix).weight = scaledColumns((w.*part.matrix).weight, single);
    switch (input) {
    case MatrixInput::Projections:
        result.attentionNorm = divided(w.attentionNorm, spec.normShift, single);
        break;
    case MatrixInput::Output:
        result.value = dividedRows(w.value, single);
        break;
    case MatrixInput::Inner:
        result.ffnNorm = divided(w.ffnNorm, spec.normShift, single);
        break;
    case MatrixInput::Down:
        result.up = dividedRows(w.up, single);
        break;
    }
    return result;
}

at::Tensor scaledColumns(const Weight& weight, const at::Tensor& s) {
    return weight.to(at::kFloat) * s.to(at::kFloat);
}

InputSums scaledSums(const InputSums& sums, const at::Tensor& s) {
    const at::Tensor wide = s.to(at::kDouble);
    return {sums.moment / at::outer(wide, wide), sums.mean / wide, sums.most / wide};
}

} // namespace fovea
