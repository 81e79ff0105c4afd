#pragma once
// How the matrices of a prompt are multiplied: the one place that decides.

#include "core/model/forward.h"

namespace fovea {

enum class Backend : std::uint8_t;

// On the CPU backend of a machine with tiles of bf16, products on them (core/kernels/cpu/tile_product.h, which says
// what they lose) with weights of bf16, of which they lose nothing, and with rounded ones; with f32 and f16, and elsewhere,
// libtorch's in fp32 (empty, where that is so of a whole model). The reference takes libtorch's always.
const MatrixProduct& promptProduct(Backend backend, const Model& model);

} // namespace fovea
