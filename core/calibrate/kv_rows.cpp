#include "core/calibrate/kv_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/methods/keep/row_turn.h"
#include "core/model/forward.h"
#include "core/model/model.h"

namespace fovea {

namespace {

void requireFixedRope(const ModelSpec& spec) {
    for (int layer = 0; layer < spec.layers; ++layer)
        if (spec.ropeOf(layer).scaling.kind == RopeScaling::Kind::Dynamic)
            throw std::invalid_argument(
                "this model's RoPE changes with the length of the text, so that its keys cannot "
                "be turned back to before it: name another model");
}

// What one block gives, and where it goes.
class Collector {
public:
    Collector(const Model& model, const at::Tensor& blocks, const KvRowsOptions& options)
        : m_model(model), m_options(options), m_causal(causalAttentionOf(model.spec)),
          m_leaves(static_cast<std::size_t>(model.spec.layers)) {
        const ModelSpec& spec = model.spec;
        m_rows.rows = blocks.size(0) * (blocks.size(1) - options.skip);
        m_rows.layers.resize(m_leaves.size());
        const auto room = [&] { return at::empty({m_rows.rows, spec.kvHeads, spec.headDim}, at::kFloat); };
        for (int layer = 0; layer < spec.layers; ++layer)
            if (KvLayerRows& own = m_rows.layers[static_cast<std::size_t>(layer)]; spec.ownsKv(layer)) {
                own.keys = room(), own.values = room();
                if (options.gradients)
                    own.keyWeights = room(), own.valueWeights = room();
            }
    }

    // tokens (n)
    void read(const at::Tensor& tokens) {
        const at::AutoGradMode autograd(m_options.gradients);
        const at::Tensor hidden = hiddenStates(
            m_model, tokens.unsqueeze(0), 0,
            [this](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
                return attend(layer, q, k, v);
            },
            at::kFloat);
        const std::int64_t n = tokens.size(0);
        if (m_options.gradients) {
            // Nothing follows the last token.
            const at::Tensor expected = logits(m_model, hidden.narrow(1, 0, n - 1)).squeeze(0);
            at::cross_entropy_loss(expected, tokens.narrow(0, 1, n - 1), {}, /*sum*/ 2).backward();
            keepGradients();
        }
        m_done += n - m_options.skip;
    }

    KvRows take() { return std::move(m_rows); }

private:
    // Adding a leaf of zeros to k gives the whole of ∂L/∂k, later layers' way through it included.
    struct Leaves {
        at::Tensor key, value;
    };

    at::Tensor attend(int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        if (!m_model.spec.ownsKv(layer))
            return m_causal(layer, q, k, v);
        KvLayerRows& own = m_rows.layers[static_cast<std::size_t>(layer)];
        keep(own.keys, beforeRope(layer, k.detach().squeeze(0)));
        keep(own.values, v.detach().squeeze(0));
        if (!m_options.gradients)
            return m_causal(layer, q, k, v);
        Leaves& leaves = m_leaves[static_cast<std::size_t>(layer)];
        leaves = {at::zeros_like(k).requires_grad_(true), at::zeros_like(v).requires_grad_(true)};
        return m_causal(layer, q, k + leaves.key, v + leaves.value);
    }

    void keepGradients() {
        const at::NoGradGuard noGrad;
        for (int layer = 0; layer < m_model.spec.layers; ++layer) {
            if (!m_model.spec.ownsKv(layer))
                continue;
            Leaves& leaves = m_leaves[static_cast<std::size_t>(layer)];
            KvLayerRows& own = m_rows.layers[static_cast<std::size_t>(layer)];
            keep(own.keyWeights, beforeRope(layer, leaves.key.grad().squeeze(0)).square());
            keep(own.valueWeights, leaves.value.grad().squeeze(0).square());
            leaves = {};
        }
    }

    // x (G, n, d)
    at::Tensor beforeRope(int layer, const at::Tensor& x) const {
        if (m_model.spec.rotated() == 0)
            return x;
        return RowTurn(m_model.spec, layer).rows(x, -at::arange(x.size(1), at::kLong));
    }

    void keep(at::Tensor& to, const at::Tensor& rows) { // rows (G, n, d)
        const std::int64_t n = rows.size(1) - m_options.skip;
        to.narrow(0, m_done, n).copy_(rows.narrow(1, m_options.skip, n).transpose(0, 1));
    }

    const Model& m_model;
    const KvRowsOptions m_options;
    const AttentionFunction m_causal;
    std::vector<Leaves> m_leaves;
    KvRows m_rows;
    std::int64_t m_done = 0; // rows of each layer
};

} // namespace

std::int64_t predictKvRowBytes(const ModelSpec& spec, const KvRowsOptions& options) {
    return std::int64_t{4} * (options.gradients ? 4 : 2) * spec.kvLayers() * spec.kvHeads * spec.headDim;
}

TextBlocks blocksWithRoom(const TextBlocks& wanted, const ModelSpec& spec, const KvRowsOptions& options) {
    TextBlocks within = wanted;
    const std::int64_t most = kMostRowBytes / predictKvRowBytes(spec, options) / wanted.length;
    within.blocks = std::min(wanted.blocks, std::max<std::int64_t>(most, 1));
    return within;
}

KvRows collectKvRows(const Model& model, const at::Tensor& blocks, const KvRowsOptions& options,
                     const CalibrationProgress& progress, const std::atomic<bool>& cancel) {
    requireFixedRope(model.spec);
    if (blocks.size(1) <= std::max<std::int64_t>(options.skip, 1))
        throw std::invalid_argument("blocks of " + std::to_string(blocks.size(1)) +
                                    " tokens leave none to learn from: name longer ones");
    Collector collector(model, blocks, options);
    for (std::int64_t block = 0; block < blocks.size(0); ++block) {
        if (cancel)
            return {};
        collector.read(blocks.select(0, block));
        if (progress)
            progress(block + 1, blocks.size(0));
    }
    return collector.take();
}

} // namespace fovea
