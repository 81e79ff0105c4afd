#include "core/calibrate/awq.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "core/calibrate/channel_scales.h"
#include "core/calibrate/gptq.h"
#include "core/methods/quantise/rtn_truth.h"

namespace fovea {

namespace {

constexpr double kLeastScale = 1e-4;

// Q(W·s)/s
at::Tensor roundedUnder(const at::Tensor& w, const at::Tensor& s, const RtnParams& rtn) {
    return (rtnTruth(w * s, rtn, RtnScale::Held).to(at::kDouble) / s).to(at::kFloat);
}

// A layer's search: the weights as they were, and what its blocks make of the text with them.
class LayerSearch {
public:
    LayerSearch(const LayerWalk& walk, const ModelSpec& spec, int layer, const LayerWeights& w,
                const RtnParams& rtn, const AwqParams& params, const std::atomic<bool>& cancel)
        : m_walk(walk), m_spec(spec), m_layer(layer), m_w(w), m_rtn(rtn), m_params(params), m_cancel(cancel),
          m_inputs(walk.inputs(layer, w, cancel)) {}

    LayerWeights run() {
        LayerWeights result = m_w;
        LayerInputs inputs = m_inputs;
        for (const MatrixInput input :
             {MatrixInput::Projections, MatrixInput::Output, MatrixInput::Inner, MatrixInput::Down}) {
            if (m_cancel)
                return result;
            if (!scalesFold(m_spec, m_w, input))
                continue;
            InputSums& sums = inputs[static_cast<std::size_t>(input)];
            const at::Tensor s = foldable(m_spec, m_w, input, best(input));
            result = scaled(m_spec, result, input, s);
            sums = scaledSums(sums, s);
        }
        for (const LayerMatrix& part : kLayerMatrices)
            if (Linear& linear = result.*part.matrix; linear.weight.defined() && isClipped(part) && !m_cancel)
                linear.weight =
                    awqClipped(linear.weight.to(at::kFloat),
                               inputs[static_cast<std::size_t>(part.input)].moment, m_rtn, m_params);
        return result;
    }

private:
    static bool isClipped(const LayerMatrix& part) {
        return part.matrix != &LayerWeights::query && part.matrix != &LayerWeights::key;
    }

    at::Tensor best(MatrixInput input) {
        const at::Tensor& mean = m_inputs[static_cast<std::size_t>(input)].mean;
        if (input == MatrixInput::Output || input == MatrixInput::Down)
            return bestScales(mean, m_params, [&](const at::Tensor& s) { return matrixLoss(input, s); });
        const std::vector<at::Tensor> wanted = outputs(input, m_w);
        return bestScales(mean, m_params, [&](const at::Tensor& s) {
            const std::vector<at::Tensor> got = outputs(input, roundedLayer(input, s));
            double loss = 0;
            for (std::size_t i = 0; i < got.size(); ++i)
                loss += at::pow((got[i] - wanted[i]).to(at::kDouble), 2).sum().item<double>();
            return m_cancel ? 0 : loss;
        });
    }

    LayerWeights roundedLayer(MatrixInput input, const at::Tensor& s) const {
        LayerWeights rounded = m_w;
        for (const LayerMatrix& part : kLayerMatrices)
            if (part.input == input && (m_w.*part.matrix).weight.defined())
                (rounded.*part.matrix).weight =
                    roundedUnder((m_w.*part.matrix).weight.to(at::kFloat), s, m_rtn);
        return rounded;
    }

    double matrixLoss(MatrixInput input, const at::Tensor& s) const {
        double loss = 0;
        for (const LayerMatrix& part : kLayerMatrices)
            if (part.input == input && (m_w.*part.matrix).weight.defined()) {
                const at::Tensor w = (m_w.*part.matrix).weight.to(at::kFloat);
                loss += outputError(w, roundedUnder(w, s, m_rtn),
                                    m_inputs[static_cast<std::size_t>(input)].moment);
            }
        return loss;
    }

    // What the block adds to each batch; the feed-forward comes after the attention of the layer as it was.
    std::vector<at::Tensor> outputs(MatrixInput input, const LayerWeights& w) {
        std::vector<at::Tensor> all;
        const bool attention = input == MatrixInput::Projections;
        if (!attention && m_between.empty())
            for (const at::Tensor& x : m_walk.batches())
                m_between.push_back(m_spec.parallelResidual
                                        ? x
                                        : x + m_walk.forward().attended(m_layer, m_w, x, m_walk.attention()));
        for (std::size_t i = 0; i < m_walk.batches().size() && !m_cancel; ++i)
            all.push_back(attention ? m_walk.forward().attended(m_layer, w, m_walk.batches()[i],
                                                                m_walk.attention())
                                    : m_walk.forward().fed(w, m_between[i]));
        return all;
    }

    const LayerWalk& m_walk;
    const ModelSpec& m_spec;
    int m_layer;
    const LayerWeights& m_w;
    const RtnParams& m_rtn;
    const AwqParams& m_params;
    const std::atomic<bool>& m_cancel;
    LayerInputs m_inputs;
    std::vector<at::Tensor> m_between; // what the feed-forward begins with, per batch
};

} // namespace

at::Tensor awqScales(const at::Tensor& mean, double ratio) {
    const at::Tensor s = at::clamp(at::pow(mean.to(at::kDouble), ratio), kLeastScale);
    return s / (s.max() * s.min()).sqrt();
}

at::Tensor bestScales(const at::Tensor& mean, const AwqParams& params,
                      const std::function<double(const at::Tensor& s)>& loss) {
    at::Tensor best;
    double least = std::numeric_limits<double>::infinity();
    for (int i = 0; i < params.ratios; ++i) {
        const at::Tensor s = awqScales(mean, static_cast<double>(i) / params.ratios);
        const double one = loss(s);
        if (!best.defined() || one < least) {
            least = one;
            best = s;
        }
    }
    return best;
}

at::Tensor awqClipped(const at::Tensor& w, const at::Tensor& moment, const RtnParams& rtn,
                      const AwqParams& params) {
    const at::Tensor wide = w.to(at::kDouble);
    const std::int64_t n = wide.size(1);
    std::vector<at::Tensor> groups;
    for (std::int64_t first = 0; first < n; first += rtn.group) {
        const std::int64_t count = std::min<std::int64_t>(rtn.group, n - first);
        const at::Tensor values = wide.narrow(1, first, count),
                         own = moment.to(at::kDouble).narrow(0, first, count).narrow(1, first, count);
        const at::Tensor most = at::amax(at::abs(values), {1}, /*keepdim=*/true);
        at::Tensor least = at::full_like(most, std::numeric_limits<double>::infinity()), best = most;
        for (int i = 0; i < static_cast<int>(params.most * params.clips); ++i) {
            const at::Tensor limit = most * (1 - static_cast<double>(i) / params.clips);
            const at::Tensor cut = at::minimum(at::maximum(values, -limit), limit);
            const at::Tensor off = values - rtnTruth(cut, rtn, RtnScale::Held).to(at::kDouble);
            const at::Tensor error = (at::matmul(off, own) * off).sum(1, /*keepdim=*/true);
            best = at::where(error < least, limit, best);
            least = at::minimum(error, least);
        }
        groups.push_back(at::minimum(at::maximum(values, -best), best));
    }
    return at::cat(groups, 1).to(at::kFloat);
}

LayerWeights awqLayer(const LayerWalk& walk, const ModelSpec& spec, int layer, const LayerWeights& w,
                      const RtnParams& rtn, const AwqParams& params, const std::atomic<bool>& cancel) {
    return LayerSearch(walk, spec, layer, w, rtn, params, cancel).run();
}

} // namespace fovea
