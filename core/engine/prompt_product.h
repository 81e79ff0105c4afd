#pragma once
// How the matrices of a prompt are multiplied: the one place that decides.

#include "core/model/forward.h"

namespace fovea {

enum class Backend : std::uint8_t;

// On the CPU backend of a machine with tiles of bf16, products on them (core/kernels/cpu/tile_product.h, which says
// what they lose); else empty, libtorch's in fp32. The reference takes libtorch's always.
const MatrixProduct& promptProduct(Backend backend);

} // namespace fovea
