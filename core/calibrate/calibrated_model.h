#pragma once
// The model that weights=awq|gptq or acts=smooth runs on: the folder that a calibration left beside the one that is open.

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/methods/quantise/rtn.h"
#include "core/model/model.h"

namespace fovea {

struct AttentionPlan;

// Floats whose outliers SmoothQuant moved into the weights (core/calibrate/smooth.h).
struct SmoothedWeights {
    double alpha = .5;
    bool operator==(const SmoothedWeights&) const = default;
};
using Calibration = std::variant<CalibratedWeights, SmoothedWeights>;
// Of a plan that is not refused there is one at most.
std::optional<Calibration> calibrationOf(const AttentionPlan& plan);

// "gptq-4bit-g128", "smooth-0.5"
std::string calibrationName(const Calibration& calibration);
// Beside the model: its own name, then the calibration's.
std::filesystem::path calibratedFolder(const std::filesystem::path& model,
                                       const std::string& calibrationName);

// When the folder was finished; the clock's least time where there is none.
std::filesystem::file_time_type calibrationTime(const Model& model, const Calibration& calibration);

// One sentence where the plan runs on a calibrated model and none is there, that tells how to make it. Looks at the disk.
std::optional<std::string> calibrationMissing(const Model& model, const AttentionPlan& plan);

// The calibrated model. Throws PlanError with one sentence where there is none, and tells how to make it, or where it is of
// another model or in another form; CheckpointError where it cannot be read.
std::shared_ptr<const Model> openCalibrated(const Model& model, const Calibration& calibration);

// Do both have the same bytes of embedding? Calibrations leave it as it is, so a model and what was calibrated of it do.
bool sameEmbedding(const Model& a, const Model& b);

} // namespace fovea
