#include "core/study/tensor_statistics.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>

#include "core/calibrate/layer_walk.h"
#include "core/model/layer_matrices.h"
#include "core/model/model.h"

namespace fovea {

namespace {

constexpr std::int64_t kElementsAtOnce = 1 << 22; // of a matrix that is decoded: 16 MiB of floats

constexpr std::array<std::string_view, kMatrixInputs> kInputNames = {"of query, key, value", "of output",
                                                                     "of gate, up", "of down"};

void add(Moments& moments, const at::Tensor& x) {
    const at::Tensor values = x.detach().to(at::kFloat).contiguous();
    moments.add({values.data_ptr<float>(), static_cast<std::size_t>(values.numel())});
}

Moments momentsOf(const Weight& matrix) {
    Moments moments;
    const std::int64_t rows = std::max<std::int64_t>(kElementsAtOnce / matrix.columns(), 1);
    for (std::int64_t first = 0; first < matrix.rows(); first += rows)
        add(moments, matrix.rows(first, std::min(rows, matrix.rows() - first), at::kFloat));
    return moments;
}

// One layer's parts on their way into the list.
class LayerStatistics {
public:
    LayerStatistics(std::vector<TensorStatistics>& to, int layer) : m_to(to), m_layer(layer) {}

    // Parts, and what they make together where they are several.
    void add(StudiedTensor tensor, const std::vector<std::pair<std::string_view, Moments>>& parts) {
        Moments all;
        for (const auto& [name, moments] : parts) {
            if (moments.count == 0)
                continue;
            if (parts.size() > 1)
                m_to.push_back({m_layer, tensor, std::string(name), moments});
            all.add(moments);
        }
        if (all.count > 0)
            m_to.push_back({m_layer, tensor, {}, all});
    }

private:
    std::vector<TensorStatistics>& m_to;
    const int m_layer;
};

// Runs a layer over all that reached it, and hears what its matrices are given and its cache would hold.
class Listener {
public:
    Listener(const Model& model, const at::Tensor& blocks)
        : m_walk(model, blocks), m_streams(m_walk.batches()) {}

    void pass(int layer, const LayerWeights& weights, const std::atomic<bool>& cancel) {
        m_inputs = {}, m_keys = {}, m_values = {};
        const AttentionFunction attention = [this](int at, const at::Tensor& q, const at::Tensor& k,
                                                   const at::Tensor& v) {
            if (k.defined())
                fovea::add(m_keys, k), fovea::add(m_values, v);
            return m_walk.attention()(at, q, k, v);
        };
        for (at::Tensor& x : m_streams) {
            if (cancel)
                return;
            x = m_walk.forward().after(layer, weights, x, attention,
                                       [this](MatrixInput input, const at::Tensor& given) {
                                           fovea::add(m_inputs[static_cast<std::size_t>(input)], given);
                                       });
        }
    }

    void tell(LayerStatistics& to) const {
        std::vector<std::pair<std::string_view, Moments>> inputs;
        for (std::size_t i = 0; i < m_inputs.size(); ++i)
            inputs.emplace_back(kInputNames[i], m_inputs[i]);
        to.add(StudiedTensor::Activations, inputs);
        to.add(StudiedTensor::Keys, {{"", m_keys}});
        to.add(StudiedTensor::Values, {{"", m_values}});
    }

private:
    const LayerWalk m_walk;
    std::vector<at::Tensor> m_streams;
    std::array<Moments, kMatrixInputs> m_inputs;
    Moments m_keys, m_values;
};

} // namespace

std::vector<TensorStatistics> tensorStatistics(const Model& model, const at::Tensor& blocks,
                                               const std::function<void(int done, int all)>& progress,
                                               const std::atomic<bool>& cancel) {
    const c10::NoGradGuard noGrad;
    std::vector<TensorStatistics> all;
    Listener listener(model, blocks);
    for (int layer = 0; layer < model.spec.layers; ++layer) {
        const LayerWeights& weights = model.layers[static_cast<std::size_t>(layer)];
        LayerStatistics statistics(all, layer);
        std::vector<std::pair<std::string_view, Moments>> matrices;
        for (const LayerMatrix& part : kLayerMatrices)
            if (const Weight& matrix = (weights.*part.matrix).weight; matrix.defined() && !cancel)
                matrices.emplace_back(part.name, momentsOf(matrix));
        listener.pass(layer, weights, cancel);
        if (cancel)
            return {};
        statistics.add(StudiedTensor::Weights, matrices);
        listener.tell(statistics);
        if (progress)
            progress(layer + 1, model.spec.layers);
    }
    return all;
}

} // namespace fovea
