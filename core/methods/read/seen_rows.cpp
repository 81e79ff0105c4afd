#include "core/methods/read/seen_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <limits>
#include <vector>

namespace fovea {

namespace {

at::Tensor places(const at::Tensor& mask) {
    return mask.nonzero().squeeze(-1);
}

} // namespace

at::Tensor onlySeen(const at::Tensor& logits, const at::Tensor& seen) {
    return seen.defined() ? logits.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity()) : logits;
}

at::Tensor seenSoftmax(const at::Tensor& logits, const at::Tensor& seen) {
    if (!seen.defined())
        return at::softmax(logits, -1);
    at::Tensor weights = at::zeros_like(logits);
    for (std::int64_t head = 0; head < logits.size(0); ++head) {
        const at::Tensor own = places(seen[head]);
        weights[head].index_copy_(0, own, at::softmax(logits[head].index_select(0, own), -1));
    }
    return weights;
}

at::Tensor seenSum(const at::Tensor& weights, const at::Tensor& values, const at::Tensor& seen) {
    if (!seen.defined())
        return at::matmul(weights, values);
    std::vector<at::Tensor> outputs;
    for (std::int64_t head = 0; head < weights.size(0); ++head) {
        const at::Tensor own = places(seen[head]);
        outputs.push_back(at::matmul(weights[head].index_select(0, own), values.index_select(0, own)));
    }
    return at::stack(outputs);
}

} // namespace fovea
