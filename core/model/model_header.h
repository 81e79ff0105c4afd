#pragma once
// What a checkpoint says of itself before its weights are read.

#include <filesystem>

#include "core/model/model_spec.h"

namespace fovea {

// The spec that loadModel(path) would give, from headers alone: config.json and the tables of the weight
// files. Throws CheckpointError where those would make loadModel throw; weights may still turn out to be
// missing or of other shapes.
ModelSpec readModelHeader(const std::filesystem::path& path);

} // namespace fovea
