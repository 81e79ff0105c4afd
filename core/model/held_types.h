#pragma once
// What the types of a model's parameters add up to. Files mix types, and the name on a file is no measure: bytes are
// summed tensor by tensor.

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/model.h"

namespace fovea {

struct HeldType {
    std::string type; // "f32", "Q4_K", …
    std::int64_t tensors = 0, elements = 0, bytes = 0;
};

// The most bytes first. Their sum is the spec's weightBytes.
std::vector<HeldType> heldTypes(const Model& model);

} // namespace fovea
