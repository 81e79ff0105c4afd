#pragma once
// `fovea calibrate --store`: learns the codebooks of a store from a text, and saves them beside the model.

#include <string>

#include "app/commands/calibration_input.h"

namespace fovea {

struct StoreCalibration {
    std::string store; // "kvquant:bits=2"
    CalibrationInput input;
    bool weighted = true; // by squared gradients
    std::string to;       // empty: codebooksPath
    int threads = 0;
    bool json = false;
    std::string version;
};

// Throws UsageError, PlanError, CheckpointError, Interrupted.
void calibrateStore(const StoreCalibration& options);

} // namespace fovea
