#pragma once
// config.json of a Hugging Face Llama folder.

#include <filesystem>

#include "core/model/model_spec.h"

namespace fovea {

// All of a spec but its type and parameters, which the weights decide. Throws CheckpointError.
ModelSpec readHuggingFaceConfig(const std::filesystem::path& file);

} // namespace fovea
