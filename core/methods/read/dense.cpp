#include "core/methods/read/dense.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include "core/methods/cache_reader.h"
#include "core/methods/step_shape.h"
#include "core/methods/store/store.h"
#include "core/model/forward.h"

namespace fovea {

// Per KV head: K is read once for the scores, V once for the sum, S rows each as they are stored, whatever the
// number of query heads that share them; the current token's row of each is written, where the layer owns its KV. q and
// the output stay in the processor and are not counted.
Traffic predictDense(const StepShape& shape) {
    Traffic head = predictRows(shape, Component::Keys, shape.tokens + shape.appended());
    head += predictRows(shape, Component::Values, shape.tokens + shape.appended());
    return head * shape.kvHeads;
}

// Per KV head: one K and one V row per token.
Traffic predictHeldDense(const StepShape& shape) {
    Traffic head = predictRows(shape, Component::Keys, shape.tokens);
    head += predictRows(shape, Component::Values, shape.tokens);
    return head * shape.kvHeads;
}

// Eq. 1 of 1706.03762.
at::Tensor denseTruth(const at::Tensor& q, CacheReader& cache, const LogitRule& rule) {
    const auto dims = static_cast<int>(q.size(-1));
    const at::Tensor scores = attentionLogits(at::matmul(q, cache.keys().t()), rule, dims); // (g, S)
    return at::matmul(at::softmax(scores, -1), cache.values());
}

} // namespace fovea
