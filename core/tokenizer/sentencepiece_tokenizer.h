#pragma once
// tokenizer.model: a sentencepiece vocabulary, BPE or unigram.
//
// The file is read here rather than by sentencepiece's own library: that carries a protobuf of its own, which
// cannot live in one process with the one of Debian's libtorch. Tests hold the ids against the library's.

#include <filesystem>
#include <memory>
#include <string>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

// Throws CheckpointError when the file is missing or is no sentencepiece model.
std::shared_ptr<const Tokenizer> readSentencepiece(const std::filesystem::path& file);
// The same from bytes in memory; `name` is what an error calls them.
std::shared_ptr<const Tokenizer> parseSentencepiece(const std::string& bytes, const std::string& name);

} // namespace fovea
