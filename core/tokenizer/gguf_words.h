#pragma once
// How a GGUF file's byte-level BPE cuts text into words, by the name in tokenizer.ggml.pre. The patterns are
// those of the models' own tokenizers, applied one after the other to what the one before left in one piece.

#include <optional>
#include <string>
#include <string_view>

#include "core/tokenizer/pre_tokenizer.h"

namespace fovea {

// Nothing where the name is not known.
std::optional<PreTokenizer> wordsOf(std::string_view name);
// The names that are, for an error.
std::string knownWords();

// Families whose files do not say it themselves.
bool wordsIgnoreMerges(std::string_view name); // a word that is a token is not joined from parts
bool wordsAddBos(std::string_view name);       // a text begins with BOS

} // namespace fovea
