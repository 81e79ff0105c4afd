#pragma once
// The tensors of a calibrated model by their names in a checkpoint.

#include <vector>

#include "core/model/model.h"
#include "core/model/safetensors.h"

namespace fovea {

struct CalibratedTensors {
    std::vector<NamedTensor> all;
    bool zerosLessOne = true; // packed matrices are there in version 1 of GPTQ's format, else in version 2
};

// Every tensor of the folder that `model` was read from, those that `made` has otherwise in its form. Throws
// CheckpointError.
CalibratedTensors calibratedTensors(const Model& model, const Model& made);

} // namespace fovea
