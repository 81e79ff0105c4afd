#include "core/methods/read/seen_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/nonzero.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "core/methods/cache_reader.h"
#include "core/methods/read/largest.h"

namespace fovea {

namespace {

at::Tensor places(const at::Tensor& mask) {
    return mask.nonzero().squeeze(-1);
}

// The newest n of the slots in `some`: as many more of the newest of all as it takes.
at::Tensor newestOf(const CacheReader& cache, const at::Tensor& some, std::int64_t n) {
    for (std::int64_t all = n;; ++all) {
        const at::Tensor newest = cache.newest(all), own = newest.masked_select(some.index_select(0, newest));
        if (own.size(0) >= n)
            return own;
    }
}

} // namespace

at::Tensor onlySeen(const at::Tensor& logits, const at::Tensor& seen) {
    return seen.defined() ? logits.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity()) : logits;
}

at::Tensor chooseSeen(const at::Tensor& score, std::int64_t n, std::int64_t local, CacheReader& cache,
                      const at::Tensor& seen) {
    const std::int64_t most = seen.defined() ? seen.any(0).sum().item<std::int64_t>() : score.size(0);
    n = std::min(n, most);
    local = std::min(local, n);
    if (most == score.size(0))
        return chooseLargest(score, n, cache.newest(local));
    const at::Tensor some = seen.any(0), slots = places(some);
    const at::Tensor free = at::searchsorted(slots, newestOf(cache, some, local));
    return slots.index_select(0, chooseLargest(score.index_select(0, slots), n, free));
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
