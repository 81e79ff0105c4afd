#include "core/methods/keep/kept_truth.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>

#include <variant>

#include "core/methods/cache_reader.h"
#include "core/methods/keep/row_turn.h"
#include "core/model/forward.h"

namespace fovea {

at::Tensor keptLogits(const Keep& keep, const KeptLayer& layer, const at::Tensor& q, const at::Tensor& keys,
                      const at::Tensor& positions) {
    at::Tensor products;
    const auto* streaming = std::get_if<StreamingParams>(&keep);
    const auto* infinite = std::get_if<LmInfiniteParams>(&keep);
    if (streaming && !layer.ownWindow)
        products = streamingProducts(*streaming, q, keys, positions, layer.turn);
    else if (infinite && !layer.ownWindow)
        products = lmInfiniteProducts(*infinite, q, keys, positions, layer.turn);
    else
        products = at::matmul(q, keys.t());
    return attentionLogits(products, layer.logits, static_cast<int>(q.size(-1)));
}

at::Tensor keptTruth(const Keep& keep, const KeptLayer& layer, const at::Tensor& q, CacheReader& kept,
                     const at::Tensor& positions) {
    const at::Tensor logits = keptLogits(keep, layer, q, kept.keys(), positions);
    return at::matmul(at::softmax(logits, -1), kept.values());
}

} // namespace fovea
