#include "core/methods/quantise/rtn_truth.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/round.h>

#include <algorithm>
#include <vector>

namespace fovea {

at::Tensor asHeld(const at::Tensor& x, RtnScale scale) {
    return scale == RtnScale::Held ? x.to(at::kFloat).to(at::kHalf).to(at::kDouble) : x;
}

RtnGroup rtnGroup(const at::Tensor& x, const RtnParams& p, RtnScale scale) {
    if (p.mode == RtnParams::Mode::Symmetric) {
        const at::Tensor most = at::amax(at::abs(x), {-1}, /*keepdim=*/true);
        const at::Tensor s = asHeld(at::clamp(most, kLeastRange) / (p.middle() - 1), scale);
        return {s, at::full_like(s, p.middle())};
    }
    const bool free = p.zero == RtnParams::Zero::Free;
    const at::Tensor least = at::amin(x, {-1}, /*keepdim=*/true), most = at::amax(x, {-1}, /*keepdim=*/true);
    at::Tensor s = at::clamp(most - least, kLeastRange) / p.levels();
    if (free && scale == RtnScale::Held)
        s = at::maximum(s, at::maximum(at::abs(least), at::abs(most)) / kMostFreeZero);
    s = asHeld(s, scale);
    const at::Tensor z = -at::round(least / s);
    return {s, free ? z : at::clamp(z, 0, p.levels())};
}

at::Tensor rtnCodes(const at::Tensor& x, const RtnGroup& group, const RtnParams& p) {
    return at::clamp(at::round(x / group.scale) + group.zero, 0, p.levels());
}

at::Tensor rtnTruth(const at::Tensor& x, const RtnParams& params, RtnScale scale) {
    const at::Tensor wide = x.to(at::kDouble);
    const std::int64_t n = wide.size(-1);
    std::vector<at::Tensor> groups;
    for (std::int64_t first = 0; first < n; first += params.group) {
        const at::Tensor values = wide.narrow(-1, first, std::min<std::int64_t>(params.group, n - first));
        const RtnGroup group = rtnGroup(values, params, scale);
        groups.push_back((rtnCodes(values, group, params) - group.zero) * group.scale);
    }
    return (groups.empty() ? wide : at::cat(groups, -1)).to(at::kFloat);
}

} // namespace fovea
