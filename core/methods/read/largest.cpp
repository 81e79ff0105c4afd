#include "core/methods/read/largest.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/index_fill.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/where.h>

#include <limits>

namespace fovea {

at::Tensor largest(const at::Tensor& x, std::int64_t n) {
    const at::Tensor least = at::full({}, -std::numeric_limits<float>::infinity(), x.options());
    const at::Tensor ordered = at::where(at::isnan(x), least, x);
    const auto order = std::get<1>(at::sort(ordered, /*stable=*/true, /*dim=*/0, /*descending=*/true));
    return std::get<0>(at::sort(order.narrow(0, 0, n)));
}

at::Tensor chooseLargest(const at::Tensor& score, std::int64_t n, const at::Tensor& free) {
    const at::Tensor others = at::ones_like(score, at::kBool).index_fill(0, free, 0).nonzero().squeeze(-1);
    const at::Tensor best = largest(score.index_select(0, others), n - free.size(0));
    return std::get<0>(at::sort(at::cat({others.index_select(0, best), free})));
}

} // namespace fovea
