#pragma once
// A model before it has learnt anything.

#include <cstdint>
#include <vector>

#include "core/model/model.h"

namespace fovea {

// fp32 leaves that ask for gradients: matrices normal with standard deviation 1/sqrt(fan-in), norms 1, the
// output head tied to the embedding. The same seed gives the same weights everywhere.
Model initialModel(const ModelSpec& spec, std::uint64_t seed);

// The matrices (which weight decay acts on) and the norms' vectors (which it spares).
std::vector<at::Tensor> matrices(const Model& model);
std::vector<at::Tensor> vectors(const Model& model);

} // namespace fovea
