#pragma once
// The folder that a calibration leaves: a checkpoint that this program and others open, and where it came from.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/calibrate/calibrate_weights.h"
#include "core/calibrate/text_blocks.h"
#include "core/methods/quantise/rtn.h"
#include "core/model/model.h"

namespace fovea {

// What a calibration was made of, beside it as calibration.json.
struct Provenance {
    std::string model; // the folder's name
    std::string text;  // the file's name
    std::uint64_t textFingerprint = 0;
    TextBlocks blocks;
    std::string program; // "fovea 0.3.0"
};

// "gptq-4bit-g128", "smooth-0.5"
std::string calibrationName(const WeightCalibration& calibration);
// Can a calibration of this model be saved? Nothing, or one sentence: it is no Hugging Face folder, it is rounded
// already, or a matrix does not fill whole words of the format.
std::optional<std::string> calibrationRefusal(const Model& model, const WeightCalibration& calibration);

// `made` of `model` as a Hugging Face folder: matrices in GPTQ's words (gptq_words.h) or, where they are floats, as such;
// norms that changed in their own type; all else as the model's own folder has it, its tokenizer with it. config.json comes last: half
// a folder is no model. Throws ExportError, CheckpointError.
void writeCalibratedFolder(const std::filesystem::path& folder, const Model& model, const Model& made,
                           const WeightCalibration& calibration, const Provenance& provenance);

} // namespace fovea
