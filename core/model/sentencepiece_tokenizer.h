#pragma once
// tokenizer.model of a Hugging Face Llama folder, through the sentencepiece library.

#include <filesystem>
#include <memory>
#include <string>

#include "core/model/tokenizer.h"

namespace fovea {

// Throws CheckpointError when the file is missing or is no sentencepiece model.
std::shared_ptr<const Tokenizer> readSentencepiece(const std::filesystem::path& file);
// The same from bytes in memory; `name` is what an error calls them.
std::shared_ptr<const Tokenizer> parseSentencepiece(const std::string& bytes, const std::string& name);

}  // namespace fovea
