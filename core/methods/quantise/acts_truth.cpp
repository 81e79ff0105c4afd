#include "core/methods/quantise/acts_truth.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/round.h>

#include "core/methods/quantise/rtn.h"

namespace fovea {

at::Tensor actsTruth(const at::Tensor& x, const ActGrid& grid) {
    const at::Tensor wide = x.to(at::kDouble);
    if (wide.size(-1) == 0)
        return x.to(at::kFloat);
    if (grid.symmetric) {
        const at::Tensor most = at::amax(at::abs(wide), {-1}, /*keepdim=*/true);
        const at::Tensor s = at::clamp(most, kLeastRange) / grid.most();
        return (at::clamp(at::round(wide / s), -grid.most() - 1, grid.most()) * s).to(at::kFloat);
    }
    const at::Tensor least = at::amin(wide, {-1}, /*keepdim=*/true),
                     most = at::amax(wide, {-1}, /*keepdim=*/true);
    const at::Tensor s = at::clamp(most - least, kLeastRange) / grid.levels();
    const at::Tensor z = at::clamp(-at::round(least / s), 0, grid.levels());
    return ((at::clamp(at::round(wide / s) + z, 0, grid.levels()) - z) * s).to(at::kFloat);
}

} // namespace fovea
