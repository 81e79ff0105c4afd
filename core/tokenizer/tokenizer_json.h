#pragma once
// tokenizer.json, the file of Hugging Face's tokenizers: BPE (byte-level, or with metaspace and byte
// fallback) and Unigram, with their normalizers, pre-tokenizers, decoders and added tokens. What would change
// ids and is not understood is refused by its name.

#include <filesystem>
#include <memory>
#include <string>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

// The files beside it say which tokens begin and end a text. Throws CheckpointError.
std::shared_ptr<const Tokenizer> readTokenizerJson(const std::filesystem::path& file);
// The same from bytes in memory; `name` is what an error calls them, `folder` where to look beside (empty:
// nowhere).
std::shared_ptr<const Tokenizer> parseTokenizerJson(const std::string& bytes, const std::string& name,
                                                    const std::filesystem::path& folder = {});

} // namespace fovea
