#pragma once
// The matrices of a layer by name, and what each of them multiplies.

#include <cstdint>
#include <string_view>

#include "core/model/model.h"

namespace fovea {

enum class MatrixInput : std::uint8_t {
    Projections, // of query, key and value
    Output,
    Inner, // of gate and up
    Down,
};
inline constexpr int kMatrixInputs = 4;

struct LayerMatrix {
    std::string_view name;
    Linear LayerWeights::*matrix;
    MatrixInput input;
};
// Those that a layer does not have are undefined in it.
inline constexpr LayerMatrix kLayerMatrices[] = {{"query", &LayerWeights::query, MatrixInput::Projections},
                                                 {"key", &LayerWeights::key, MatrixInput::Projections},
                                                 {"value", &LayerWeights::value, MatrixInput::Projections},
                                                 {"output", &LayerWeights::output, MatrixInput::Output},
                                                 {"gate", &LayerWeights::gate, MatrixInput::Inner},
                                                 {"up", &LayerWeights::up, MatrixInput::Inner},
                                                 {"down", &LayerWeights::down, MatrixInput::Down}};

// How many matrices the layers of a model have.
inline int matrixCount(const Model& model) {
    int count = 0;
    for (const LayerWeights& layer : model.layers)
        for (const LayerMatrix& part : kLayerMatrices)
            count += (layer.*part.matrix).weight.defined() ? 1 : 0;
    return count;
}

} // namespace fovea
