#pragma once
// The vocabulary in a GGUF file's metadata (tokenizer.ggml.*): "llama", sentencepiece's BPE by scores, and
// "gpt2", byte-level BPE by merges, whose words are cut as tokenizer.ggml.pre says. No normal form is
// applied, as the format knows none.

#include <filesystem>
#include <memory>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

class GgufFile;

// Throws CheckpointError.
std::shared_ptr<const Tokenizer> readGgufVocabulary(const std::filesystem::path& file);
std::shared_ptr<const Tokenizer> readGgufVocabulary(const GgufFile& file);

} // namespace fovea
