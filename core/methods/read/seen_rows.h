#pragma once
// Where the query heads of a group see different ones of the tokens that their KV head holds: what the truths of reads
// that choose for the group make of that. A token that a head does not see takes no part in its output, not even as 0
// times its value.

#include <ATen/core/Tensor.h>

namespace fovea {

// logits (g, n) with -inf where a head does not see; `seen` (g, n) bool, undefined: all see all.
at::Tensor onlySeen(const at::Tensor& logits, const at::Tensor& seen);

// (g, n) softmax of each head's logits over what it sees, 0 elsewhere; a head that sees nothing has none.
at::Tensor seenSoftmax(const at::Tensor& logits, const at::Tensor& seen);
// (g, d) of weights (g, n) and values (n, d).
at::Tensor seenSum(const at::Tensor& weights, const at::Tensor& values, const at::Tensor& seen);

} // namespace fovea
