#include "core/model/random_model.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <utility>

#include "core/cache/scalar_type.h"
#include "core/model/parameters.h"

namespace fovea {

std::shared_ptr<const Model> randomModel(const RandomShape& shape) {
    auto model = std::make_shared<Model>();
    ModelSpec& spec = model->spec;
    spec.name = "random";
    spec.architecture = "llama";
    spec.layers = shape.layers;
    spec.queryHeads = shape.queryHeads;
    spec.kvHeads = shape.kvHeads;
    spec.headDim = shape.headDim;
    spec.width = shape.queryHeads * shape.headDim;
    spec.ffn = shape.ffn;
    spec.vocabulary = shape.vocabulary;
    spec.context = shape.context;
    spec.tiedEmbedding = shape.tied;

    const auto type = scalarType(shape.type);
    const auto matrix = [&](std::int64_t out, std::int64_t in) {
        at::Tensor w = at::randn({out, in}) * (1.5 / std::sqrt(static_cast<double>(in)));
        return w.to(type);
    };
    const auto gain = [&](std::int64_t n) { return (at::rand({n}) + .5).to(type); };
    const std::int64_t D = spec.width, d = spec.headDim, F = spec.ffn;
    model->embedding = matrix(spec.vocabulary, D);
    for (int layer = 0; layer < spec.layers; ++layer) {
        LayerWeights w;
        w.attentionNorm = {gain(D)};
        w.query = {matrix(spec.queryHeads * d, D)};
        w.key = {matrix(spec.kvHeads * d, D)};
        w.value = {matrix(spec.kvHeads * d, D)};
        w.output = {matrix(D, spec.queryHeads * d)};
        w.ffnNorm = {gain(D)};
        w.gate = {matrix(F, D)};
        w.up = {matrix(F, D)};
        w.down = {matrix(D, F)};
        model->layers.push_back(std::move(w));
    }
    model->finalNorm = {gain(D)};
    model->head = shape.tied ? model->embedding : Weight(matrix(spec.vocabulary, D));
    describeParameters(*model);
    return model;
}

} // namespace fovea
