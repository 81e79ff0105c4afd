#pragma once
// Which of a row of scores are chosen: what the truths of all sparse reads have in common.

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace fovea {

// The n largest of x (m), as sorted int64 indices; ties go to the lowest index, a NaN is the least of all.
at::Tensor largest(const at::Tensor& x, std::int64_t n);
// n indices by score (S): those of `free`, which are given, and the best of the others. Sorted int64.
at::Tensor chooseLargest(const at::Tensor& score, std::int64_t n, const at::Tensor& free);

} // namespace fovea
