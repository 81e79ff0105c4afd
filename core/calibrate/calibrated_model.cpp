#include "core/calibrate/calibrated_model.h"

#include <cstring>
#include <optional>
#include <system_error>

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

std::string sentence(const CalibratedWeights& weights, const std::string& why) {
    return weightsText(weights) + " " + why + "; accepted: weights=own.";
}

// What makes it, as it is typed.
std::string command(const Model& model, const CalibratedWeights& weights) {
    return std::string("`fovea calibrate --weights ") + methodName(weights) +
           ":bits=" + std::to_string(weights.bits) + ",group=" + std::to_string(weights.group) + " --model " +
           model.origin.string() + " --text FILE`";
}

std::filesystem::path folderOf(const Model& model, const CalibratedWeights& weights) {
    return calibratedFolder(model.origin, calibrationName(weights));
}

bool isOf(const Model& made, const Model& model, const CalibratedWeights& weights) {
    if (!sameShape(model.spec, made.spec) || made.layers.empty() || !sameEmbedding(model, made))
        return false;
    const std::optional<RtnParams>& rows = made.layers.front().query.weight.rtn();
    return rows && *rows == *packedRows(weights);
}

} // namespace

std::string calibrationName(const CalibratedWeights& weights) {
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

std::filesystem::file_time_type calibrationTime(const Model& model, const CalibratedWeights& weights) {
    std::error_code none;
    const auto written = std::filesystem::last_write_time(folderOf(model, weights) / kConfig, none);
    return none ? std::filesystem::file_time_type::min() : written;
}

std::optional<std::string> calibrationMissing(const Model& model, const WeightCodes& weights) {
    const auto* learnt = std::get_if<CalibratedWeights>(&weights);
    if (!learnt)
        return std::nullopt;
    std::error_code unknown;
    if (!std::filesystem::is_directory(model.origin, unknown))
        return sentence(*learnt, "needs a model that was read from a folder");
    const std::filesystem::path folder = folderOf(model, *learnt);
    std::error_code failed;
    if (std::filesystem::exists(folder / kConfig, failed))
        return std::nullopt;
    return sentence(*learnt, "is not there: " + folder.string() + " is made by " + command(model, *learnt));
}

std::shared_ptr<const Model> openCalibrated(const Model& model, const CalibratedWeights& weights) {
    if (const auto why = calibrationMissing(model, weights))
        throw PlanError(*why);
    const std::filesystem::path folder = folderOf(model, weights);
    std::shared_ptr<const Model> made = loadModel(folder);
    if (!isOf(*made, model, weights))
        throw PlanError(sentence(weights, "cannot run on " + folder.string() +
                                              ", made of another model or in another form: " +
                                              command(model, weights) + " makes it anew"));
    return made;
}

bool sameEmbedding(const Model& a, const Model& b) {
    const at::Tensor& one = a.embedding.stored();
    const at::Tensor& other = b.embedding.stored();
    return one.scalar_type() == other.scalar_type() && one.sizes() == other.sizes() && one.is_contiguous() &&
           other.is_contiguous() && std::memcmp(one.data_ptr(), other.data_ptr(), one.nbytes()) == 0;
}

} // namespace fovea
