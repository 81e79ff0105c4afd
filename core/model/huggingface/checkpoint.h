#pragma once
// A Hugging Face folder: config.json and its weights, in one model.safetensors or in shards with an index.

#include <filesystem>
#include <memory>

#include "core/model/model.h"

namespace fovea {

// Every shape is held against config.json before a weight is read. Weights are mapped, not copied, in the
// type in which the file holds them; matrices of a GPTQ checkpoint (gptq_words.h) become packed rows. Throws CheckpointError.
std::shared_ptr<const Model> readHuggingFace(const std::filesystem::path& folder);
// Its spec alone: no more than tables is read, and nothing unpacked. Throws CheckpointError.
ModelSpec readHuggingFaceHeader(const std::filesystem::path& folder);

} // namespace fovea
