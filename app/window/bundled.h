#pragma once
// What comes with Fovea: where its models and its prompt are.

#include <filesystem>
#include <string>

namespace fovea {

// Folder of models. Beside an installed program, else in the source tree it was built from.
std::filesystem::path bundledModels();
// The model a new user sees first; empty when none is bundled.
std::filesystem::path firstModel();
// The prompt a new user sees first.
std::string firstPrompt();

}  // namespace fovea
