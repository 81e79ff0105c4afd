#include "core/calibrate/layer_walk.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>

#include <algorithm>

namespace fovea {

namespace {

constexpr std::int64_t kTokensAtOnce = 4096;

void add(InputSums& sums, const at::Tensor& x, double all) {
    const at::Tensor rows = x.reshape({-1, x.size(-1)}), sizes = at::abs(rows);
    // A batch's products in fp32, their sum in fp64.
    const at::Tensor moment = at::matmul(rows.t(), rows).to(at::kDouble) * (2 / all),
                     mean = sizes.sum(0, /*keepdim=*/false, at::kDouble) / all,
                     most = at::amax(sizes, {0}).to(at::kDouble);
    if (!sums.moment.defined()) {
        sums = {moment, mean, most};
        return;
    }
    sums.moment.add_(moment);
    sums.mean.add_(mean);
    sums.most = at::maximum(sums.most, most);
}

} // namespace

LayerWalk::LayerWalk(const Model& model, const at::Tensor& blocks)
    : m_forward(model.spec, 0, blocks.size(1), 0, at::kFloat, blocks.device()),
      m_attention(causalAttentionOf(model.spec)) {
    const std::int64_t step = std::max<std::int64_t>(1, kTokensAtOnce / blocks.size(1));
    for (std::int64_t first = 0; first < blocks.size(0); first += step)
        m_batches.push_back(
            embeddedTokens(model, blocks.narrow(0, first, std::min(step, blocks.size(0) - first)), 0));
}

LayerInputs LayerWalk::inputs(int layer, const LayerWeights& w, const std::atomic<bool>& cancel) const {
    double tokens = 0;
    for (const at::Tensor& x : m_batches)
        tokens += static_cast<double>(x.size(0) * x.size(1));
    LayerInputs all;
    for (const at::Tensor& x : m_batches) {
        if (cancel)
            break;
        m_forward.after(layer, w, x, m_attention, [&](MatrixInput input, const at::Tensor& given) {
            add(all[static_cast<std::size_t>(input)], given, tokens);
        });
    }
    return all;
}

void LayerWalk::pass(int layer, const LayerWeights& w, const std::atomic<bool>& cancel) {
    for (at::Tensor& x : m_batches) {
        if (cancel)
            return;
        x = m_forward.after(layer, w, x, m_attention);
    }
}

} // namespace fovea
