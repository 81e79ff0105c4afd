#include "core/calibrate/smooth.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

#include <vector>

#include "core/calibrate/channel_scales.h"

namespace fovea {

namespace {

constexpr double kLeast = 1e-5;

} // namespace

at::Tensor smoothScales(const at::Tensor& mostOfInput, std::span<const at::Tensor> matrices, double alpha) {
    const at::Tensor input = mostOfInput.to(at::kDouble);
    at::Tensor most;
    for (const at::Tensor& matrix : matrices) {
        const at::Tensor one = at::amax(at::abs(matrix.to(at::kDouble)), {0});
        most = most.defined() ? at::maximum(most, one) : one;
    }
    const at::Tensor s = at::pow(input, alpha) / at::pow(at::clamp(most, kLeast), 1 - alpha);
    return at::where(input == 0, at::ones_like(s), at::clamp(s, kLeast));
}

LayerWeights smoothed(const ModelSpec& spec, const LayerWeights& w, const LayerInputs& inputs,
                      const SmoothParams& params) {
    LayerWeights result = w;
    for (const MatrixInput input : {MatrixInput::Projections, MatrixInput::Inner}) {
        if (!scalesFold(spec, w, input))
            continue;
        std::vector<at::Tensor> matrices;
        for (const LayerMatrix& part : kLayerMatrices)
            if (part.input == input && (w.*part.matrix).weight.defined())
                matrices.push_back((w.*part.matrix).weight.to(at::kFloat));
        const at::Tensor s =
            foldable(spec, w, input,
                     smoothScales(inputs[static_cast<std::size_t>(input)].most, matrices, params.alpha));
        result = scaled(spec, result, input, s);
    }
    for (const LayerMatrix& part : kLayerMatrices)
        if (const Weight& before = (w.*part.matrix).weight; before.defined() && before.isFloats())
            (result.*part.matrix).weight = (result.*part.matrix).weight.to(before.stored().scalar_type());
    return result;
}

} // namespace fovea
