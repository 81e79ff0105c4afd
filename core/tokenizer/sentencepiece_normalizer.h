#pragma once
// sentencepiece's normalization: its table of characters, and what it does to spaces.

#include <optional>
#include <string>
#include <vector>

#include "core/tokenizer/charsmap.h"
#include "core/tokenizer/normalizer.h"

namespace fovea {

struct SentencepieceNormalization {
    std::optional<Charsmap> charsmap;
    bool dummyPrefix = true, squeezeSpaces = true, escapeSpaces = true;
    std::vector<std::string> untouched; // user-defined pieces pass as they are
};

// Takes any bytes: each that belongs to no character becomes one U+FFFD.
NormalizerStep sentencepieceNormalizer(SentencepieceNormalization rules);

} // namespace fovea
