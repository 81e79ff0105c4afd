#pragma once
// All parameters of a model, one after the other.

#include "core/model/model.h"

namespace fovea {

// matrix(Weight&) and vector(at::Tensor&) for every parameter a step reads; what is undefined is left out. A
// tied head comes as the head, and the embedding is not among them (a step reads one row of it), nor are
// positions.
template <class AnyModel, class Matrix, class Vector>
void forEachStepParameter(AnyModel& model, const Matrix& matrix, const Vector& vector) {
    const auto linear = [&](auto& part) {
        if (part.weight.defined())
            matrix(part.weight);
        if (part.bias.defined())
            vector(part.bias);
    };
    const auto norm = [&](auto& part) {
        if (part.gain.defined())
            vector(part.gain);
        if (part.bias.defined())
            vector(part.bias);
    };
    for (auto& layer : model.layers) {
        norm(layer.attentionNorm);
        norm(layer.keyValueNorm);
        linear(layer.query);
        linear(layer.key);
        linear(layer.value);
        norm(layer.queryNorm);
        norm(layer.keyNorm);
        linear(layer.output);
        norm(layer.attentionOutputNorm);
        norm(layer.ffnNorm);
        linear(layer.gate);
        linear(layer.up);
        linear(layer.down);
        norm(layer.ffnOutputNorm);
    }
    norm(model.finalNorm);
    matrix(model.head);
}

// Fills in what the weights decide of a spec: type, parameters, weightBytes, heldOtherwise, tokenBytes, kvWeightBytes,
// matrixBytes. Every reader ends with it; all other fields must be set.
void describeParameters(Model& model);

// Bytes of what one step reads: every parameter whole, of the embedding and the positions one row.
std::int64_t stepParameterBytes(const Model& model);

} // namespace fovea
