#include "core/methods/cache_reader.h"

#include <ATen/ops/nonzero.h>
#include <ATen/ops/stack.h>

#include <vector>

namespace fovea {

at::Tensor meansOf(const at::Tensor& values, const at::Tensor& seen) {
    std::vector<at::Tensor> means;
    for (std::int64_t head = 0; head < seen.size(0); ++head)
        means.push_back(values.index_select(0, seen[head].nonzero().squeeze(-1)).mean(0));
    return at::stack(means);
}

} // namespace fovea
