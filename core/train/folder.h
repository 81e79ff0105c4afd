#pragma once
// The Hugging Face folder that a training leaves: config.json, model.safetensors (bf16), tokenizer.model,
// tokenizer_config.json, generation_config.json and, when there is one, README.md.

#include <filesystem>
#include <string>
#include <vector>

#include "core/model/model.h"
#include "core/model/safetensors.h"

namespace fovea {

// The model's own tensors by their names in a checkpoint.
std::vector<NamedTensor> namedParameters(const Model& model);

// Each file is replaced whole, and config.json comes last: a folder that is written for the first time, or
// for another model than the one that is in it, is no model until it is a whole one. Throws
// std::runtime_error with one line.
void writeModelFolder(const std::filesystem::path& folder, const Model& model,
                      const std::string& tokenizerModel, const std::string& card);

} // namespace fovea
