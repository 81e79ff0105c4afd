#include "core/methods/keep/highest_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/argsort.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/sort.h>

#include <algorithm>
#include <limits>

namespace fovea {

at::Tensor highestRows(const at::Tensor& scores, const at::Tensor& positions, std::int64_t budget,
                       std::int64_t recent) {
    const std::int64_t n = scores.size(0), kept = std::min(budget, n), newest = std::min(recent, kept);
    const at::Tensor byAge = at::argsort(positions, /*dim=*/0, /*descending=*/true); // newest first
    const at::Tensor others = byAge.narrow(0, newest, n - newest);
    const at::Tensor asked = scores.index_select(0, others);
    const at::Tensor ranked = asked.masked_fill(at::isnan(asked), -std::numeric_limits<double>::infinity());
    const at::Tensor best = std::get<1>(at::sort(ranked, /*stable=*/true, /*dim=*/0, /*descending=*/true));
    const at::Tensor heavy = others.index_select(0, best.narrow(0, 0, kept - newest));
    return std::get<0>(at::sort(at::cat({byAge.narrow(0, 0, newest), heavy})));
}

} // namespace fovea
