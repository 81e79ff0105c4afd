#include "core/methods/quantise/rtn_truth.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/round.h>

#include <algorithm>
#include <vector>

namespace fovea {

namespace {

// x (…, g') of one group
at::Tensor symmetric(const at::Tensor& x, const RtnParams& p, RtnScale scale) {
    const int M = p.middle() - 1;
    const at::Tensor s =
        asHeld(at::clamp(at::amax(at::abs(x), {-1}, /*keepdim=*/true), kLeastRange) / M, scale);
    return at::clamp(at::round(x / s), -M - 1, M) * s;
}

at::Tensor asymmetric(const at::Tensor& x, const RtnParams& p, RtnScale scale) {
    const int Q = p.levels();
    const bool free = p.zero == RtnParams::Zero::Free;
    const at::Tensor least = at::amin(x, {-1}, /*keepdim=*/true), most = at::amax(x, {-1}, /*keepdim=*/true);
    at::Tensor s = at::clamp(most - least, kLeastRange) / Q;
    if (free && scale == RtnScale::Held)
        s = at::maximum(s, at::maximum(at::abs(least), at::abs(most)) / kMostFreeZero);
    s = asHeld(s, scale);
    at::Tensor z = -at::round(least / s);
    if (!free)
        z = at::clamp(z, 0, Q);
    const at::Tensor q = at::clamp(at::round(x / s) + z, 0, Q);
    return (q - z) * s;
}

} // namespace

at::Tensor asHeld(const at::Tensor& x, RtnScale scale) {
    return scale == RtnScale::Held ? x.to(at::kFloat).to(at::kHalf).to(at::kDouble) : x;
}

at::Tensor rtnTruth(const at::Tensor& x, const RtnParams& params, RtnScale scale) {
    const at::Tensor wide = x.to(at::kDouble);
    const std::int64_t n = wide.size(-1);
    std::vector<at::Tensor> groups;
    for (std::int64_t first = 0; first < n; first += params.group) {
        const at::Tensor group = wide.narrow(-1, first, std::min<std::int64_t>(params.group, n - first));
        groups.push_back(params.mode == RtnParams::Mode::Symmetric ? symmetric(group, params, scale)
                                                                   : asymmetric(group, params, scale));
    }
    return (groups.empty() ? wide : at::cat(groups, -1)).to(at::kFloat);
}

} // namespace fovea
