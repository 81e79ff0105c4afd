#pragma once
// A Hugging Face Llama folder: config.json and one model.safetensors.

#include <filesystem>
#include <memory>

#include "core/model/model.h"

namespace fovea {

// Every shape is held against config.json before a weight is read; settings that would change the mathematics
// and are not supported are refused by name. Throws CheckpointError.
std::shared_ptr<const Model> readHuggingFace(const std::filesystem::path& folder);

} // namespace fovea
