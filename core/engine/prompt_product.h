#pragma once
// How the matrices of a prompt, and of the reference's steps, are multiplied: the one place that decides.

#include "core/methods/quantise/acts.h"
#include "core/model/forward.h"

namespace fovea {

enum class Backend : std::uint8_t;

// Does the backend multiply this model's matrices on tiles of bf16 (core/kernels/cpu/tile_product.h, which says what they
// lose)? The CPU backend does where the machine has them, with weights of bf16, of which they lose nothing, and with
// rounded ones and blocks.
bool multipliesOnTiles(Backend backend, const Model& model);

// Products on tiles where that is so, and libtorch's in fp32 elsewhere; empty where these are all there is to it. Where
// `acts` rounds activations they are rounded first: on tiles as whole numbers, of which these lose nothing; the
// reference by their truth, and formed by libtorch always.
MatrixProduct promptProduct(Backend backend, const Model& model, const Acts& acts);

} // namespace fovea
