#pragma once
// tokenizer.bin of llama2.c: a uint32 (bytes of the longest piece), then for each piece a float32 score, an
// int32 length and its bytes. Ids 0, 1 and 2 are unknown, BOS and EOS; byte b is piece b + 3.

#include <filesystem>
#include <memory>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

// The number of pieces is not in the file: it must hold exactly `vocabulary`. Throws CheckpointError.
std::shared_ptr<const Tokenizer> readLlama2cTokenizer(const std::filesystem::path& file, int vocabulary);

} // namespace fovea
