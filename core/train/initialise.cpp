#include "core/train/initialise.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <cmath>

#include "core/tasks/random.h"

namespace fovea {

namespace {

at::Tensor matrix(std::int64_t out, std::int64_t in, Random& random) {
    const at::Tensor w = at::empty({out, in}, at::kFloat);
    const double deviation = 1 / std::sqrt(static_cast<double>(in));
    float* data = w.data_ptr<float>();
    for (std::int64_t i = 0; i < out * in; ++i)
        data[i] = static_cast<float>(deviation * random.normal());
    return w.requires_grad_();
}

at::Tensor norm(std::int64_t width) {
    return at::ones({width}, at::kFloat).requires_grad_();
}

} // namespace

Model initialModel(const ModelSpec& spec, std::uint64_t seed) {
    Random random(seed);
    Model model;
    model.spec = spec;
    model.embedding = matrix(spec.vocabulary, spec.width, random);
    model.head = model.embedding;
    model.finalNorm = {norm(spec.width)};
    const std::int64_t queries = std::int64_t{spec.queryHeads} * spec.headDim;
    const std::int64_t keys = std::int64_t{spec.kvHeads} * spec.headDim;
    for (int i = 0; i < spec.layers; ++i) {
        LayerWeights w;
        w.attentionNorm = {norm(spec.width)};
        w.query = {matrix(queries, spec.width, random)};
        w.key = {matrix(keys, spec.width, random)};
        w.value = {matrix(keys, spec.width, random)};
        w.output = {matrix(spec.width, queries, random)};
        w.ffnNorm = {norm(spec.width)};
        w.gate = {matrix(spec.ffn, spec.width, random)};
        w.up = {matrix(spec.ffn, spec.width, random)};
        w.down = {matrix(spec.width, spec.ffn, random)};
        model.layers.push_back(w);
    }
    for (const auto& list : {matrices(model), vectors(model)})
        for (const at::Tensor& tensor : list)
            model.spec.parameters += tensor.numel();
    return model;
}

std::vector<at::Tensor> matrices(const Model& model) {
    std::vector<at::Tensor> all = {model.embedding.stored()};
    for (const LayerWeights& w : model.layers)
        for (const Linear* linear : {&w.query, &w.key, &w.value, &w.output, &w.gate, &w.up, &w.down})
            all.push_back(linear->weight.stored());
    return all;
}

std::vector<at::Tensor> vectors(const Model& model) {
    std::vector<at::Tensor> all = {model.finalNorm.gain};
    for (const LayerWeights& w : model.layers)
        all.insert(all.end(), {w.attentionNorm.gain, w.ffnNorm.gain});
    return all;
}

} // namespace fovea
