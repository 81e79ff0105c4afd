#pragma once
// Which of the readers a path is for.

#include <cstdint>
#include <filesystem>

namespace fovea {

enum class ModelKind : std::uint8_t { HuggingFace, Gguf, Llama2c };

// Throws CheckpointError for a file that is only a part of a folder's model.
ModelKind modelKind(const std::filesystem::path& path);

} // namespace fovea
