#include "core/calibrate/calibrated_model.h"

#include <cstdio>
#include <cstring>
#include <optional>
#include <system_error>

#include "core/plan/acts_text.h"
#include "core/plan/attention_plan.h"
#include "core/plan/weights_text.h"

namespace fovea {

namespace {

constexpr const char* kConfig = "config.json";

bool sameShape(const ModelSpec& a, const ModelSpec& b) {
    return a.architecture == b.architecture && a.layers == b.layers && a.width == b.width &&
           a.queryHeads == b.queryHeads && a.kvHeads == b.kvHeads && a.headDim == b.headDim &&
           a.ffn == b.ffn && a.vocabulary == b.vocabulary;
}

const char* methodName(const CalibratedWeights& weights) {
    return weights.method == CalibratedWeights::Method::Awq ? "awq" : "gptq";
}

std::string number(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%g", value);
    return text;
}

// As `fovea calibrate --weights` takes it.
std::string methodText(const Calibration& calibration) {
    if (const auto* smooth = std::get_if<SmoothedWeights>(&calibration))
        return "smooth:alpha=" + number(smooth->alpha);
    const auto& weights = std::get<CalibratedWeights>(calibration);
    return std::string(methodName(weights)) + ":bits=" + std::to_string(weights.bits) +
           ",group=" + std::to_string(weights.group);
}

// What of the plan asks for it, and why it is not to be had.
std::string sentence(const Calibration& calibration, const std::string& why) {
    if (const auto* smooth = std::get_if<SmoothedWeights>(&calibration))
        return actsText(SmoothActs{.alpha = smooth->alpha}) + " " + why + "; accepted: acts=own or acts=rtn.";
    return weightsText(std::get<CalibratedWeights>(calibration)) + " " + why + "; accepted: weights=own.";
}

// What makes it, as it is typed.
std::string command(const Model& model, const Calibration& calibration) {
    return "`fovea calibrate --weights " + methodText(calibration) + " --model " + model.origin.string() +
           " --text FILE`";
}

std::filesystem::path folderOf(const Model& model, const Calibration& calibration) {
    return calibratedFolder(model.origin, calibrationName(calibration));
}

bool isOf(const Model& made, const Model& model, const Calibration& calibration) {
    if (!sameShape(model.spec, made.spec) || made.layers.empty() || !sameEmbedding(model, made))
        return false;
    const Weight& query = made.layers.front().query.weight;
    const auto* learnt = std::get_if<CalibratedWeights>(&calibration);
    return learnt ? query.rtn() && *query.rtn() == *packedRows(*learnt) : query.isFloats();
}

// As calibrationMissing.
std::optional<std::string> missing(const Model& model, const Calibration& calibration) {
    std::error_code unknown;
    if (!std::filesystem::is_directory(model.origin, unknown))
        return sentence(calibration, "needs a model that was read from a folder");
    const std::filesystem::path folder = folderOf(model, calibration);
    std::error_code failed;
    if (std::filesystem::exists(folder / kConfig, failed))
        return std::nullopt;
    return sentence(calibration,
                    "is not there: " + folder.string() + " is made by " + command(model, calibration));
}

} // namespace

std::optional<Calibration> calibrationOf(const AttentionPlan& plan) {
    if (const auto* learnt = std::get_if<CalibratedWeights>(&plan.weights))
        return *learnt;
    if (const auto* smooth = std::get_if<SmoothActs>(&plan.acts))
        return SmoothedWeights{smooth->alpha};
    return std::nullopt;
}

std::string calibrationName(const Calibration& calibration) {
    if (const auto* smooth = std::get_if<SmoothedWeights>(&calibration))
        return "smooth-" + number(smooth->alpha);
    const auto& weights = std::get<CalibratedWeights>(calibration);
    return std::string(methodName(weights)) + "-" + std::to_string(weights.bits) + "bit-g" +
           std::to_string(weights.group);
}

std::filesystem::path calibratedFolder(const std::filesystem::path& model,
                                       const std::string& calibrationName) {
    std::filesystem::path folder = model.lexically_normal();
    if (!folder.has_filename())
        folder = folder.parent_path();
    if (folder.filename() == "." || folder.filename() == "..")
        folder = std::filesystem::weakly_canonical(folder);
    folder += "-" + calibrationName;
    return folder;
}

std::filesystem::file_time_type calibrationTime(const Model& model, const Calibration& calibration) {
    std::error_code none;
    const auto written = std::filesystem::last_write_time(folderOf(model, calibration) / kConfig, none);
    return none ? std::filesystem::file_time_type::min() : written;
}

std::optional<std::string> calibrationMissing(const Model& model, const AttentionPlan& plan) {
    const std::optional<Calibration> calibration = calibrationOf(plan);
    return calibration ? missing(model, *calibration) : std::nullopt;
}

std::shared_ptr<const Model> openCalibrated(const Model& model, const Calibration& calibration) {
    if (const auto why = missing(model, calibration))
        throw PlanError(*why);
    const std::filesystem::path folder = folderOf(model, calibration);
    std::shared_ptr<const Model> made = loadModel(folder);
    if (!isOf(*made, model, calibration))
        throw PlanError(sentence(calibration, "cannot run on " + folder.string() +
                                                  ", made of another model or in another form: " +
                                                  command(model, calibration) + " makes it anew"));
    return made;
}

bool sameEmbedding(const Model& a, const Model& b) {
    const at::Tensor& one = a.embedding.stored();
    const at::Tensor& other = b.embedding.stored();
    return one.scalar_type() == other.scalar_type() && one.sizes() == other.sizes() && one.is_contiguous() &&
           other.is_contiguous() && std::memcmp(one.data_ptr(), other.data_ptr(), one.nbytes()) == 0;
}

} // namespace fovea
