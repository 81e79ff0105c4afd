#include "core/methods/store/kvquant_truth.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace fovea {

namespace {

// x, offset and range (T, G, d) or of what stretches to it, fp64 -> x̂ (T, G, d), outliers among them.
at::Tensor readBack(const at::Tensor& x, const at::Tensor& offset, const at::Tensor& range,
                    const KvquantParams& params, const KvquantTable& table, RtnScale scale) {
    const at::Tensor scaled = (x - offset) / range; // x'
    const at::Tensor codes = nearestLevel(scaled, table.levels.to(at::kDouble));
    const at::Tensor coded =
        table.read.to(at::kDouble).index_select(0, codes.flatten()).view(x.sizes()) * range + offset;
    const std::int64_t m = kvquantOutliers(params, x.size(-1));
    if (m == 0)
        return coded;
    const at::Tensor size = at::abs(scaled);
    // Stable: among equals the lower channel is the farther one.
    const at::Tensor farthest = std::get<1>(at::sort(size, /*stable*/ true, -1, /*descending*/ true))
                                    .narrow(-1, 0, std::min(m, x.size(-1)));
    const at::Tensor among = at::zeros_like(size).scatter(-1, farthest, 1) > 0;
    return at::where(among & (size > 1), asHeld(x, scale), coded);
}

// The first tokens as they are, the others by `read` (T', G, d).
template <typename Read>
at::Tensor afterExact(const at::Tensor& rows, const KvquantParams& params, const Read& read) {
    const std::int64_t exact = std::min<std::int64_t>(rows.size(0), params.exact),
                       rest = rows.size(0) - exact;
    if (rest == 0)
        return rows.to(at::kFloat);
    const at::Tensor coded = read(rows.narrow(0, exact, rest).to(at::kDouble));
    return at::cat({rows.narrow(0, 0, exact).to(at::kFloat), coded.to(at::kFloat)}, 0);
}

} // namespace

at::Tensor quantileOf(const at::Tensor& x, double q) {
    const at::Tensor sorted = std::get<0>(at::sort(x.to(at::kDouble), -1));
    const double at = q * static_cast<double>(sorted.size(-1) - 1);
    const auto below = static_cast<std::int64_t>(std::floor(at));
    const std::int64_t above = std::min(below + 1, sorted.size(-1) - 1);
    const at::Tensor low = sorted.select(-1, below), high = sorted.select(-1, above);
    return low + (high - low) * (at - static_cast<double>(below));
}

at::Tensor nearestLevel(const at::Tensor& x, const at::Tensor& levels) {
    return at::argmin(at::abs(x.unsqueeze(-1) - levels), -1);
}

KvquantRange kvquantRange(const at::Tensor& x, const KvquantParams& params) {
    const at::Tensor l = quantileOf(x, params.outliers / 2).unsqueeze(-1);
    const at::Tensor u = quantileOf(x, 1 - params.outliers / 2).unsqueeze(-1);
    return {(u + l) / 2, at::clamp((u - l) / 2, kLeastKvRange)};
}

at::Tensor kvquantKeys(const at::Tensor& keys, const KvquantParams& params, const KvquantTable& table,
                       RtnScale scale) {
    const at::Tensor offset = asHeld(table.offset.to(at::kDouble), scale);
    const at::Tensor range = asHeld(table.range.to(at::kDouble), scale);
    return afterExact(keys, params,
                      [&](const at::Tensor& x) { return readBack(x, offset, range, params, table, scale); });
}

at::Tensor kvquantValues(const at::Tensor& values, const KvquantParams& params, const KvquantTable& table,
                         RtnScale scale) {
    return afterExact(values, params, [&](const at::Tensor& x) {
        const KvquantRange own = kvquantRange(x, params);
        const at::Tensor offset = asHeld(own.offset, scale), range = asHeld(own.range, scale);
        return readBack(x, offset, range, params, table, scale);
    });
}

} // namespace fovea
