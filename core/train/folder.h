#pragma once
// The Hugging Face folder that a training leaves: config.json, model.safetensors (bf16), tokenizer.model,
// tokenizer_config.json, generation_config.json and, when there is one, README.md.

#include <filesystem>
#include <string>

#include "core/model/model.h"

namespace fovea {

// Creates the folder where there is none. Throws std::runtime_error with one line when nothing can be written
// there.
void requireWritable(const std::filesystem::path& folder);

// Each file is replaced whole. Throws std::runtime_error with one line.
void writeModelFolder(const std::filesystem::path& folder, const Model& model,
                      const std::string& tokenizerModel, const std::string& card);

} // namespace fovea
