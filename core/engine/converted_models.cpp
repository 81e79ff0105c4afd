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
struct WrittenCalibration {
    Calibration calibration;
    std::optional<std::filesystem::file_time_type> written = {};
    bool operator==(const WrittenCalibration& other) const {
        return calibration == other.calibration &&
               (!written || !other.written || written == other.written);
    }
};
KeptModels<WrittenCalibration, kConversionsKept>& calibrations() {
    static KeptModels<WrittenCalibration, kConversionsKept> kept;
    return kept;
}

Sources sourcesOf(const Share& share, const ModelSpec& spec) {
    return {kvSources(share, spec), conversionOf(share)};
}

const std::atomic<bool> kGoOn = false;

} // namespace

std::shared_ptr<const Model> modelUnder(const std::shared_ptr<const Model>& model, const AttentionPlan& plan,
                                        const ConversionProgress& progress, const std::atomic<bool>& cancel) {
    std::shared_ptr<const Model> base = model;
    if (const auto calibration = calibrationOf(plan))
        base = calibrations().get(
            model, {*calibration, calibrationTime(*model, *calibration)},
            [&] { return openCalibrated(*model, *calibration); }, cancel);
    if (!base)
        return nullptr;
    const auto converted = convertedModel(base, plan.share, progress, cancel);
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
    std::shared_ptr<const Model> base = model;
    if (const auto calibration = calibrationOf(plan))
        base = calibrations().find(model, {*calibration});
    if (!base)
        return false;
    const auto* rtn = std::get_if<RtnParams>(&plan.weights);
    if (!rtn)
        return isConverted(base, plan.share);
    const bool own = std::holds_alternative<OwnKv>(plan.share);
    const auto converted = own ? base : conversions().find(base, sourcesOf(plan.share, base->spec));
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
    calibrations().dropClosed(); // first: what was made of those that go with it goes too
    conversions().dropClosed();
    roundings().dropClosed();
}

} // namespace fovea
