#include "core/calibrate/channel_scales.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/where.h>

namespace fovea {

namespace {

at::Tensor quotient(const at::Tensor& vector, const at::Tensor& s) {
    return vector.defined() ? (vector.to(at::kFloat) / s).to(vector.scalar_type()) : vector;
}

// gain and bias of x̂·gain + bias, divided by s; gains of some models are stored around 0.
Gain divided(const Gain& norm, float shift, const at::Tensor& s) {
    const at::Tensor gain = (norm.gain.to(at::kFloat) + shift) / s - shift;
    return {gain.to(norm.gain.scalar_type()), quotient(norm.bias, s)};
}

Linear dividedRows(const Linear& linear, const at::Tensor& s) {
    return {Weight(linear.weight.to(at::kFloat) / s.unsqueeze(1)), quotient(linear.bias, s)};
}

// The norm before an input; null where there is none.
const Gain* normBefore(const LayerWeights& w, MatrixInput input) {
    if (input == MatrixInput::Projections)
        return &w.attentionNorm;
    return input == MatrixInput::Inner ? &w.ffnNorm : nullptr;
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

at::Tensor foldable(const ModelSpec& spec, const LayerWeights& w, MatrixInput input, const at::Tensor& s) {
    const Gain* const norm = normBefore(w, input);
    if (!norm)
        return s;
    const float shift = spec.normShift;
    const at::Tensor before = norm->gain.to(at::kFloat) + shift,
                     after = divided(*norm, shift, s.to(at::kFloat)).gain.to(at::kFloat) + shift;
    // A gain of 0 says nothing of its scale, whose channel is 0.
    const at::Tensor held = before.to(at::kDouble) / after.to(at::kDouble);
    return at::where((before == 0).logical_or(after == 0), s.to(at::kDouble), held);
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
