#include "core/calibrate/calibrated_folder.h"

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/calibrate/calibrated_model.h"
#include "core/calibrate/calibrated_tensors.h"
#include "core/model/checked_file.h"
#include "core/model/huggingface/gptq_words.h"
#include "core/model/layer_matrices.h"
#include "core/model/model_kind.h"
#include "core/trace/file_writer.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kLargestConfig = 1 << 20, kLargestTokenizer = 64 << 20;
constexpr const char *kConfig = "config.json", *kProvenance = "calibration.json";
// What else a folder may hold that says how text becomes tokens.
constexpr std::array kTokenizerFiles = {"tokenizer.json",
                                        "tokenizer.model",
                                        "tokenizer_config.json",
                                        "vocab.json",
                                        "merges.txt",
                                        "added_tokens.json",
                                        "chat_template.jinja",
                                        "special_tokens_map.json",
                                        "generation_config.json"};

std::string text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string hexadecimal(std::uint64_t number) {
    char digits[20];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(number));
    return digits;
}

const char* methodName(const WeightCalibration& calibration) {
    if (std::holds_alternative<AwqParams>(calibration.method))
        return "awq";
    return std::holds_alternative<GptqParams>(calibration.method) ? "gptq" : "smooth";
}

bool isFloats(const WeightCalibration& calibration) {
    return std::holds_alternative<SmoothParams>(calibration.method);
}

// As other programs read it; which method chose the codes is no matter to them.
Json quantizationConfig(const WeightCalibration& calibration, bool zerosLessOne) {
    Json json = {{"quant_method", "gptq"},   {"checkpoint_format", zerosLessOne ? "gptq" : "gptq_v2"},
                 {"bits", calibration.bits}, {"group_size", calibration.group},
                 {"desc_act", false},        {"sym", false},
                 {"lm_head", false},         {"pack_dtype", "int32"}};
    if (const auto* gptq = std::get_if<GptqParams>(&calibration.method))
        json["damp_percent"] = gptq->damping;
    return json;
}

Json provenanceJson(const WeightCalibration& calibration, const Provenance& p) {
    Json json = {{"method", methodName(calibration)}};
    if (const auto* smooth = std::get_if<SmoothParams>(&calibration.method))
        json["alpha"] = smooth->alpha;
    else
        json.update({{"bits", calibration.bits}, {"group", calibration.group}});
    json.update({{"model", p.model},
                 {"text", p.text},
                 {"text_fingerprint", hexadecimal(p.textFingerprint)},
                 {"blocks", p.blocks.blocks},
                 {"length", p.blocks.length},
                 {"seed", p.blocks.seed},
                 {"program", p.program}});
    return json;
}

void copyTokenizer(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code failed;
    for (const char* name : kTokenizerFiles) {
        if (std::filesystem::is_regular_file(from / name, failed))
            writeFile(to / name, readFile(from / name, kLargestTokenizer));
        else
            removeFile(to / name); // of a model that was here before
    }
}

} // namespace

std::string calibrationName(const WeightCalibration& calibration) {
    if (const auto* smooth = std::get_if<SmoothParams>(&calibration.method))
        return calibrationName(SmoothedWeights{smooth->alpha});
    const auto method = std::holds_alternative<AwqParams>(calibration.method)
                            ? CalibratedWeights::Method::Awq
                            : CalibratedWeights::Method::Gptq;
    return calibrationName(CalibratedWeights{method, calibration.bits, calibration.group});
}

std::optional<std::string> calibrationRefusal(const Model& model, const WeightCalibration& calibration) {
    const std::string name = model.origin.empty() ? model.spec.name : model.origin.string();
    if (model.origin.empty() || modelKind(model.origin) != ModelKind::HuggingFace)
        return name +
               ": only Hugging Face folders are calibrated; name a folder with config.json and safetensors";
    for (const LayerWeights& layer : model.layers)
        for (const LayerMatrix& part : kLayerMatrices) {
            const Weight& weight = (layer.*part.matrix).weight;
            if (!weight.defined())
                continue;
            if (!weight.isFloats())
                return name + ": its matrices are rounded already; calibrate the model that it was made of";
            if (!isFloats(calibration) && !gptqHolds(calibration.bits, weight.rows(), weight.columns()))
                return name + ": a layer's " + std::string(part.name) + " of " +
                       std::to_string(weight.rows()) + " x " + std::to_string(weight.columns()) +
                       " does not fill words of 32 bits at " + std::to_string(calibration.bits) +
                       " bits; choose 8, 4 or 2";
        }
    return std::nullopt;
}

std::optional<std::string> folderRefusal(const std::filesystem::path& folder) {
    std::error_code failed;
    if (!std::filesystem::exists(folder / kConfig, failed) ||
        std::filesystem::exists(folder / kProvenance, failed))
        return std::nullopt;
    return folder.string() + ": a model is there that no calibration made; name another folder";
}

void writeCalibratedFolder(const std::filesystem::path& folder, const Model& model, const Model& made,
                           const WeightCalibration& calibration, const Provenance& provenance) {
    Json config = Json::parse(readFile(model.origin / kConfig, kLargestConfig), nullptr, false);
    const CalibratedTensors tensors = calibratedTensors(model, made);
    if (!isFloats(calibration))
        config["quantization_config"] = quantizationConfig(calibration, tensors.zerosLessOne);
    makeFolder(folder);
    removeFile(folder / kConfig); // a mixture of two models would open
    copyTokenizer(model.origin, folder);
    writeSafetensors(folder / "model.safetensors", tensors.all);
    writeFile(folder / kProvenance, text(provenanceJson(calibration, provenance)));
    writeFile(folder / kConfig, text(config));
}

} // namespace fovea
