#pragma once
// Quantised activations straight from their formula (acts.h), in ATen.

#include <ATen/core/Tensor.h>

#include "core/methods/quantise/acts.h"

namespace fovea {

// x̂ (…, n) fp32 of x (…, n), a row of n per token.
at::Tensor actsTruth(const at::Tensor& x, const ActGrid& grid);

} // namespace fovea
