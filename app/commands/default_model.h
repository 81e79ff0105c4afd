#pragma once
// The model that comes with the program, for when none is named.

#include <filesystem>

namespace fovea {

// Beside an installed program (../share/fovea/models), else in the source tree. The folder need not exist:
// loadModel then says what is missing.
std::filesystem::path defaultModel();

// The text that tasks are cut from when none is named, found the same way.
std::filesystem::path defaultText();

} // namespace fovea
