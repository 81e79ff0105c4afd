#pragma once
// A model in one GGUF file.

#include <filesystem>
#include <memory>

#include "core/model/model.h"

namespace fovea {

// Weights stay in the file, mapped, in the type they have there; only query and key of architectures whose
// RoPE turns neighbouring components are copied, rows in the order of model.h. (Rows of blocks move whole, so
// nothing is quantised again.) Everything is checked against the metadata first. Throws CheckpointError.
std::shared_ptr<const Model> readGguf(const std::filesystem::path& file);

} // namespace fovea
