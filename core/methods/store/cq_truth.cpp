#include "core/methods/store/cq_truth.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/argmin.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gather.h>

#include <algorithm>
#include <vector>

namespace fovea {

namespace {

// Tokens whose distances to all centroids are there at once: (tokens, G, d/c, 2^b, c) fp64 is 64 MiB at G·d = 64, b = 10.
constexpr std::int64_t kTokensAtOnce = 128;

} // namespace

at::Tensor cqCodes(const at::Tensor& rows, const at::Tensor& centroids) {
    const std::int64_t heads = centroids.size(0), groups = centroids.size(1), c = centroids.size(3);
    const at::Tensor wide = centroids.to(at::kDouble);
    std::vector<at::Tensor> parts;
    for (std::int64_t first = 0; first < rows.size(0); first += kTokensAtOnce) {
        const std::int64_t tokens = std::min(kTokensAtOnce, rows.size(0) - first);
        const at::Tensor x =
            rows.narrow(0, first, tokens).to(at::kDouble).reshape({tokens, heads, groups, 1, c});
        const at::Tensor apart = x - wide; // (tokens, G, d/c, 2^b, c)
        parts.push_back(at::argmin((apart * apart).sum(-1), -1));
    }
    return parts.empty() ? rows.new_empty({0, heads, groups}, at::kLong) : at::cat(parts, 0);
}

at::Tensor cqRows(const at::Tensor& rows, const CqParams& params, const at::Tensor& centroids,
                  RtnScale held) {
    const std::int64_t exact = cqExactRows(params, rows.size(0)), coded = rows.size(0) - exact;
    const std::int64_t heads = centroids.size(0), groups = centroids.size(1), c = centroids.size(3);
    const at::Tensor known = asHeld(centroids.to(at::kDouble), held);
    const at::Tensor codes = cqCodes(rows.narrow(0, 0, coded), known);
    // (G, d/c, 2^b, c) by (G, d/c, T, c): the number of each centroid, once for each of its components.
    const at::Tensor wanted = codes.permute({1, 2, 0}).unsqueeze(-1).expand({heads, groups, coded, c});
    const at::Tensor read =
        at::gather(known, 2, wanted).permute({2, 0, 1, 3}).reshape({coded, heads, groups * c});
    return at::cat({read.to(at::kFloat), rows.narrow(0, coded, exact).to(at::kFloat)}, 0);
}

} // namespace fovea
