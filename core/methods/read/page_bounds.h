#pragma once
// The bounds of pages straight from the keys, for a cache that no token ever left.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace fovea {

// Of each `page` rows of keys (S, d) the least and the greatest of every component: (⌈S / page⌉, 2, d). What is NaN
// bounds nothing, unless it is all there is.
at::Tensor boundsOfRows(const at::Tensor& keys, std::int64_t page);

} // namespace fovea
