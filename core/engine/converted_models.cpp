#include "core/engine/converted_models.h"

#include <filesystem>
#include <optional>
#include <vector>

#include "core/calibrate/calibrated_model.h"
#include "core/engine/kept_models.h"
#include "core/model/model.h"
#include "core/plan/attention_plan.h"

namespace fovea {

namespace {

// Shares that make the same layers read the same ones are the same.
struct Sources {
    std::vector<int> layers;
    KvConversion convert = KvConversion::Mean;
    bool operator==(const Sources&) const = default;
};

KeptModels<Sources, kConversionsKept>& conversions() {
    static KeptModels<Sources, kConversionsKept> kept;
    return kept;
}
KeptModels<RtnParams, kConversionsKept>& roundings() {
    static KeptModels<RtnParams, kConversionsKept> kept;
    return kept;
}

// A folder that was written anew is another model. Without a time it is any: who only asks looks at no disk.
struct Calibration {
    CalibratedWeights weights;
    std::optional<std::filesystem::file_time_type> written = {};
    bool operator==(const Calibration& other) const {
        return weights == other.weights && (!written || !other.written || written == other.written);
    }
};
KeptModels<Calibration, kConversionsKept>& calibrations() {
    static KeptModels<Calibration, kConversionsKept> kept;
    return kept;
}

Sources sourcesOf(const Share& share, const ModelSpec& spec) {
    return {kvSources(share, spec), conversionOf(share)};
}

const std::atomic<bool> kGoOn = false;

} // namespace

std::shared_ptr<const Model> modelUnder(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                                        const ConversionProgress& progress, const std::atomic<bool>& cancel) {
    if (const auto* learnt = std::get_if<CalibratedWeights>(&plan.weights))
        return calibrations().get(
            model, {*learnt, calibrationTime(*model, *learnt)}, [&] { return openCalibrated(*model, *learnt); }, cancel);
    const auto converted = convertedModel(model, plan.share, progress, cancel);
    const auto* rtn = std::get_if<RtnParams>(&plan.weights);
    if (!converted || !rtn)
        return converted;
    return roundings().get(
        converted, *rtn, [&] { return roundWeights(*converted, *rtn, progress, cancel); }, cancel);
}

std::shared_ptr<const Model> modelUnder(const std::shared_ptr<const Model>& model,
                                        const AttentionPlan& plan) {
    return modelUnder(model, plan, {}, kGoOn);
}

bool isThere(const std::shared_ptr<const Model>& model, const AttentionPlan& plan) {
    if (const auto* learnt = std::get_if<CalibratedWeights>(&plan.weights))
        return calibrations().find(model, {*learnt}) != nullptr;
    const auto* rtn = std::get_if<RtnParams>(&plan.weights);
    if (!rtn)
        return isConverted(model, plan.share);
    const bool own = std::holds_alternative<OwnKv>(plan.share);
    const auto converted = own ? model : conversions().find(model, sourcesOf(plan.share, model->spec));
    return converted && roundings().find(converted, *rtn) != nullptr;
}

std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share,
                                            const ConversionProgress& progress,
                                            const std::atomic<bool>& cancel) {
    if (std::holds_alternative<OwnKv>(share))
        return model;
    return conversions().get(
        model, sourcesOf(share, model->spec), [&] { return convertKv(*model, share, progress, cancel); },
        cancel);
}

std::shared_ptr<const Model> convertedModel(const std::shared_ptr<const Model>& model, const Share& share) {
    return convertedModel(model, share, {}, kGoOn);
}

bool isConverted(const std::shared_ptr<const Model>& model, const Share& share) {
    return std::holds_alternative<OwnKv>(share) ||
           conversions().find(model, sourcesOf(share, model->spec)) != nullptr;
}

void forgetClosedModels() {
    conversions().dropClosed(); // first: roundings of those that go with it go too
    roundings().dropClosed();
    calibrations().dropClosed();
}

} // namespace fovea
