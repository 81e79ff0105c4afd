#pragma once
// The model that weights=awq|gptq runs on: the folder that a calibration left beside the one that is open.

#include <filesystem>
#include <memory>
#include <string>

#include "core/methods/quantise/rtn.h"
#include "core/model/model.h"

namespace fovea {

// "gptq-4bit-g128"
std::string calibrationName(const CalibratedWeights& weights);
// Beside the model: its own name, then the calibration's.
std::filesystem::path calibratedFolder(const std::filesystem::path& model, const std::string& calibrationName);

// When the folder was finished; the clock's least time where there is none.
std::filesystem::file_time_type calibrationTime(const Model& model, const CalibratedWeights& weights);

// The calibrated model. Throws PlanError with one sentence where there is none, and tells how to make it, or where it is of
// another model or in another form; CheckpointError where it cannot be read.
std::shared_ptr<const Model> openCalibrated(const Model& model, const CalibratedWeights& weights);

// Do both have the same bytes of embedding? Calibrations leave it as it is, so a model and what was calibrated of it do.
bool sameEmbedding(const Model& a, const Model& b);

} // namespace fovea
