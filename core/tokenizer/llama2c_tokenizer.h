#pragma once
// tokenizer.bin of llama2.c: a uint32 (bytes of the longest piece), then for each piece a float32 score, an
// int32 length and its bytes. Ids 0, 1 and 2 are unknown, BOS and EOS; byte b is piece b + 3.

#include <filesystem>
#include <memory>
#include <string>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

// Throws CheckpointError when the file is missing or no such tokenizer.
std::shared_ptr<const Tokenizer> readLlama2cTokenizer(const std::filesystem::path& file);
// The same from bytes in memory; `name` is what an error calls them.
std::shared_ptr<const Tokenizer> parseLlama2cTokenizer(const std::string& bytes, const std::string& name);

} // namespace fovea
