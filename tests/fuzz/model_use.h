#pragma once
// What the program does with a model that a reader accepted.

#include <filesystem>

namespace fovea::fuzz {

// Loads it, holds its header's spec and its types against it, and lets it compute two tokens where it is
// small. Throws CheckpointError, and Finding where a promise is broken.
void useModel(const std::filesystem::path& path);

} // namespace fovea::fuzz
