#include "core/calibrate/calibrate_weights.h"

#include <c10/core/GradMode.h>

#include <stdexcept>
#include <string>

#include "core/calibrate/layer_walk.h"
#include "core/methods/quantise/rounded_weights.h"
#include "core/model/parameters.h"

namespace fovea {

namespace {

// One calibration: the model as it becomes, layer by layer.
class Work {
public:
    Work(const Model& model, const at::Tensor& blocks, const WeightCalibration& calibration,
         const CalibrationProgress& progress, const std::atomic<bool>& cancel)
        : m_model(model), m_result(std::make_shared<Model>(model)), m_walk(model, blocks),
          m_calibration(calibration), m_progress(progress), m_cancel(cancel), m_all(matrixCount(model)) {}

    std::shared_ptr<const Model> run() {
        for (int layer = 0; layer < m_model.spec.layers; ++layer) {
            LayerWeights& w = m_result->layers[static_cast<std::size_t>(layer)];
            std::visit([&](const auto& method) { change(layer, w, method); }, m_calibration.method);
            if (m_cancel)
                return nullptr;
        }
        describeParameters(*m_result);
        return m_result;
    }

private:
    RtnParams rtn() const { return {.bits = m_calibration.bits, .group = m_calibration.group}; }

    // All matrices of a layer see the same inputs, those of the layer as it was: the authors' code without
    // --true-sequential.
    void change(int layer, LayerWeights& w, const GptqParams& params) {
        const LayerInputs inputs = m_walk.inputs(layer, w, m_cancel);
        for (const LayerMatrix& part : kLayerMatrices) {
            Weight& weight = (w.*part.matrix).weight;
            if (!weight.defined() || m_cancel)
                continue;
            try {
                weight = packRows(gptqRows(weight.to(at::kFloat),
                                           inputs[static_cast<std::size_t>(part.input)].moment, rtn(), params));
            } catch (const std::invalid_argument& error) {
                refuse(layer, part, error.what());
            }
            done(1);
        }
        m_walk.pass(layer, w, m_cancel); // the next layer's inputs are those of rounded layers
    }

    void change(int layer, LayerWeights& w, const AwqParams& params) {
        const LayerWeights before = w;
        const LayerWeights searched = awqLayer(m_walk, m_model.spec, layer, before, rtn(), params, m_cancel);
        if (m_cancel)
            return;
        w = searched;
        for (const LayerMatrix& part : kLayerMatrices)
            if (Weight& weight = (w.*part.matrix).weight; weight.defined() && !m_cancel) {
                RtnFault fault = RtnFault::None;
                weight = roundMatrix(weight, rtn(), m_cancel, fault);
                if (fault != RtnFault::None)
                    refuse(layer, part, "it has weights that cannot be held in packed rows; use another model");
                done(1);
            }
        m_walk.pass(layer, before, m_cancel);
    }

    void change(int layer, LayerWeights& w, const SmoothParams& params) {
        const LayerWeights before = w;
        const LayerInputs inputs = m_walk.inputs(layer, before, m_cancel);
        if (m_cancel)
            return;
        w = smoothed(m_model.spec, before, inputs, params);
        done(m_all / m_model.spec.layers);
        m_walk.pass(layer, before, m_cancel);
    }

    [[noreturn]] void refuse(int layer, const LayerMatrix& part, const std::string& why) const {
        throw CalibrationError(m_model.spec.name + ": layer " + std::to_string(layer) + "'s " +
                               std::string(part.name) + " cannot be calibrated: " + why);
    }

    void done(int matrices) {
        m_done += matrices;
        if (m_progress)
            m_progress(m_done, m_all);
    }

    const Model& m_model;
    std::shared_ptr<Model> m_result;
    LayerWalk m_walk;
    const WeightCalibration& m_calibration;
    const CalibrationProgress& m_progress;
    const std::atomic<bool>& m_cancel;
    int m_done = 0, m_all;
};

} // namespace

std::shared_ptr<const Model> calibrateWeights(const Model& model, const at::Tensor& blocks,
                                              const WeightCalibration& calibration,
                                              const CalibrationProgress& progress,
                                              const std::atomic<bool>& cancel) {
    const c10::NoGradGuard noGrad;
    return Work(model, blocks, calibration, progress, cancel).run();
}

std::int64_t predictCalibrationBytes(const ModelSpec& spec, const WeightCalibration& calibration,
                                     std::int64_t tokens) {
    const std::int64_t D = spec.width, O = std::int64_t{spec.queryHeads} * spec.headDim, F = spec.ffn;
    const bool awq = std::holds_alternative<AwqParams>(calibration.method);
    const std::int64_t streams = awq ? 4 : 1, sums = awq ? 2 : 1;
    // A matrix in work is there as floats, as fp64 and as errors of fp64.
    return streams * 4 * tokens * D + sums * 8 * (2 * D * D + O * O + F * F) + 8 * 4 * D * std::max(O, F);
}

} // namespace fovea
