#pragma once
// A Llama with random weights: it says nothing, but a step of it costs what one of a trained model costs, and exercises
// every part.

#include <memory>

#include "core/cache/element_type.h"

namespace fovea {

struct Model;

struct RandomShape {
    int layers = 2, queryHeads = 4, kvHeads = 2, headDim = 8, ffn = 24, vocabulary = 50, context = 96;
    ElementType type = ElementType::F32;
    bool tied = true;
};

// Follows at::manual_seed.
std::shared_ptr<const Model> randomModel(const RandomShape& shape = {});

} // namespace fovea
