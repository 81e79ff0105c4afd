#include "core/methods/store/kivi_truth.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/round.h>

#include <algorithm>
#include <vector>

namespace fovea {

namespace {

// One group along `dim`: x̂ = q·s + m.
at::Tensor rounded(const at::Tensor& x, std::int64_t dim, const KiviParams& p, RtnScale scale) {
    const at::Tensor least = at::amin(x, {dim}, /*keepdim=*/true),
                     most = at::amax(x, {dim}, /*keepdim=*/true);
    const at::Tensor s = asHeld(at::clamp(most - least, kLeastRange) / p.levels(), scale);
    const at::Tensor m = asHeld(least, scale);
    return at::clamp(at::round((x - m) / s), 0, p.levels()) * s + m;
}

// x in groups of g along `dim`, the last one shorter where g does not divide it.
at::Tensor roundedGroups(const at::Tensor& x, std::int64_t dim, const KiviParams& p, RtnScale scale) {
    const at::Tensor wide = x.to(at::kDouble);
    std::vector<at::Tensor> groups;
    for (std::int64_t first = 0; first < wide.size(dim); first += p.group) {
        const std::int64_t width = std::min<std::int64_t>(p.group, wide.size(dim) - first);
        groups.push_back(rounded(wide.narrow(dim, first, width), dim, p, scale));
    }
    return (groups.empty() ? wide : at::cat(groups, dim)).to(at::kFloat);
}

// The first rows rounded along `dim`, the newest `exact` as they are.
at::Tensor oldRounded(const at::Tensor& rows, std::int64_t exact, std::int64_t dim, const KiviParams& p,
                      RtnScale scale) {
    const std::int64_t coded = rows.size(0) - exact;
    return at::cat(
        {roundedGroups(rows.narrow(0, 0, coded), dim, p, scale), rows.narrow(0, coded, exact).to(at::kFloat)},
        0);
}

} // namespace

at::Tensor kiviKeys(const at::Tensor& keys, const KiviParams& params, RtnScale scale) {
    return oldRounded(keys, kiviExactKeys(params, keys.size(0)), /*along tokens*/ 0, params, scale);
}

at::Tensor kiviValues(const at::Tensor& values, const KiviParams& params, RtnScale scale) {
    return oldRounded(values, kiviExactValues(params, values.size(0)), /*along channels*/ 2, params, scale);
}

} // namespace fovea
