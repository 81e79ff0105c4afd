#pragma once
// What a prompt is computed with between its matrices: on the CPU backend the kernels of its steps.

#include "core/methods/quantise/acts.h"
#include "core/model/forward.h"

namespace fovea {

enum class Backend : std::uint8_t;

// Of the reference libtorch's all, but for products of activations that `acts` rounds (prompt_product.h).
PassKernels promptKernels(Backend backend, const Model& model, const Acts& acts);

} // namespace fovea
