#pragma once
// Published shapes of models too large to bundle, as data.

#include <cstdint>
#include <span>
#include <string_view>

#include "core/model/model_spec.h"

namespace fovea {

struct ModelShape {
    ModelSpec spec;          // parameters filled in by parametersOf
    std::string_view source; // where the shape was published
};

// From small to large within each family.
std::span<const ModelShape> modelShapes();
// By name, "Llama-2-7B"; null when there is none.
const ModelShape* findModelShape(std::string_view name);

// Parameters of a Llama of this shape: embedding, (untied) head, per layer four projections, SwiGLU and two
// norms.
std::int64_t parametersOf(const ModelSpec& spec);

} // namespace fovea
