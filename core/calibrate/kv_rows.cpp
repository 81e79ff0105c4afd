#include "core/calibrate/kv_rows.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "core/methods/keep/row_turn.h"
#include "core/model/forward.h"
#include "core/model/model.h"

namespace fovea {

namespace {

constexpr std::int64_t kMostRowBytes = std::int64_t{1} << 30;

struct Windows {
    std::int64_t count = 0, length = 0, step = 0; // the i-th begins at token ⌊i·last/(count − 1)⌋
    std::int64_t last = 0;

    std::int64_t begin(std::int64_t i) const { return count > 1 ? i * last / (count - 1) : 0; }
};

// A window has `length` inputs, the BOS among them, and as many targets.
Windows windowsOf(const ModelSpec& spec, std::int64_t text, bool bos, const KvRowsOptions& options) {
    if (text < 2)
        throw std::invalid_argument("the text to learn from has fewer than two tokens, name a longer one");
    Windows w;
    const std::int64_t inputs = bos ? text : text - 1; // each is followed by a token
    w.length = std::min({options.window, std::int64_t{spec.context}, inputs});
    if (w.length <= options.skip)
        throw std::invalid_argument("a window of " + std::to_string(w.length) +
                                    " tokens has nothing beyond the first " + std::to_string(options.skip) +
                                    ": name a longer text or a larger window");
    const std::int64_t numbers = options.gradients ? 4 : 2;
    const std::int64_t rowBytes = numbers * 4 * spec.kvLayers() * spec.kvHeads * spec.headDim;
    const std::int64_t wanted = std::min({options.tokens, inputs, kMostRowBytes / rowBytes});
    w.count = std::max<std::int64_t>(1, wanted / w.length);
    w.last = inputs - w.length;
    return w;
}

void requireFixedRope(const ModelSpec& spec) {
    for (int layer = 0; layer < spec.layers; ++layer)
        if (spec.ropeOf(layer).scaling.kind == RopeScaling::Kind::Dynamic)
            throw std::invalid_argument(
                "this model's RoPE changes with the length of the text, so that its keys cannot "
                "be turned back to before it: name another model");
}

// What one window gives, and where it goes.
class Collector {
public:
    Collector(const Model& model, const Windows& windows, const KvRowsOptions& options)
        : m_model(model), m_options(options), m_causal(causalAttentionOf(model.spec)),
          m_leaves(static_cast<std::size_t>(model.spec.layers)) {
        const ModelSpec& spec = model.spec;
        m_rows.windows = windows.count;
        m_rows.window = windows.length;
        m_rows.rows = windows.count * (windows.length - options.skip);
        m_rows.layers.resize(m_leaves.size());
        const auto room = [&] { return at::empty({m_rows.rows, spec.kvHeads, spec.headDim}, at::kFloat); };
        for (int layer = 0; layer < spec.layers; ++layer)
            if (KvLayerRows& own = m_rows.layers[static_cast<std::size_t>(layer)]; spec.ownsKv(layer)) {
                own.keys = room(), own.values = room();
                if (options.gradients)
                    own.keyWeights = room(), own.valueWeights = room();
            }
    }

    // inputs and targets (n)
    void read(const std::vector<std::int64_t>& inputs, const std::vector<std::int64_t>& targets) {
        const at::AutoGradMode autograd(m_options.gradients);
        const at::Tensor hidden = hiddenStates(
            m_model, at::tensor(inputs, at::kLong).unsqueeze(0), 0,
            [this](int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
                return attend(layer, q, k, v);
            },
            at::kFloat);
        if (m_options.gradients) {
            at::cross_entropy_loss(logits(m_model, hidden).squeeze(0), at::tensor(targets, at::kLong), {},
                                   /*sum*/ 2)
                .backward();
            keepGradients();
        }
        m_done += static_cast<std::int64_t>(inputs.size()) - m_options.skip;
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

KvRows collectKvRows(const Model& model, std::span<const int> text, int bos, const KvRowsOptions& options,
                     const CalibrationProgress& progress, const std::atomic<bool>& cancel) {
    requireFixedRope(model.spec);
    const Windows windows = windowsOf(model.spec, std::ssize(text), bos >= 0, options);
    Collector collector(model, windows, options);
    for (std::int64_t i = 0; i < windows.count; ++i) {
        if (cancel)
            return {};
        std::vector<std::int64_t> sequence;
        if (bos >= 0)
            sequence.push_back(bos);
        const auto from = text.begin() + windows.begin(i);
        sequence.insert(sequence.end(), from, from + (windows.length + 1 - std::ssize(sequence)));
        collector.read({sequence.begin(), sequence.end() - 1}, {sequence.begin() + 1, sequence.end()});
        if (progress)
            progress(i + 1, windows.count);
    }
    return collector.take();
}

} // namespace fovea
