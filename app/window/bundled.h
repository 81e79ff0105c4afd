#pragma once
// What comes with Fovea: where its models and its prompt are.

#include <filesystem>
#include <string>

namespace fovea {

// Folder of models in the source tree that this was built from.
std::filesystem::path bundledModels();
// The model a new user sees first; empty when none is bundled.
std::filesystem::path firstModel();
// The text that tasks are cut from when none is chosen.
std::filesystem::path bundledText();
// The prompt a new user sees first.
std::string firstPrompt();

} // namespace fovea
