#pragma once
// vocab.json and merges.txt, as GPT-2's and OPT's folders have them where there is no tokenizer.json:
// byte-level BPE with GPT-2's words.

#include <filesystem>
#include <memory>

#include "core/tokenizer/tokenizer.h"

namespace fovea {

bool hasVocabularyAndMerges(const std::filesystem::path& folder);
// Throws CheckpointError.
std::shared_ptr<const Tokenizer> readVocabularyAndMerges(const std::filesystem::path& folder);

} // namespace fovea
