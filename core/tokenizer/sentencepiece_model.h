#pragma once
// The file of a sentencepiece vocabulary (sentencepiece_model.proto): its pieces, and how text is normalized.

#include <optional>
#include <string>
#include <vector>

#include "core/tokenizer/charsmap.h"
#include "core/tokenizer/scored_bpe.h"

namespace fovea {

enum class SentencepieceType { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

struct SentencepieceModel {
    enum class Algorithm { Unigram = 1, Bpe = 2 };

    std::vector<ScoredPiece> pieces;
    std::vector<SentencepieceType> types; // of each piece
    Algorithm algorithm = Algorithm::Unigram;
    int unknown = 0, bos = 1, eos = 2; // -1: none
    // Spaces: one is put in front, runs become one and the ends lose theirs, each is written as U+2581.
    bool dummyPrefix = true, squeezeSpaces = true, escapeSpaces = true;
    std::optional<Charsmap> charsmap; // none: identity
};

// `name` is what an error calls the bytes. Throws CheckpointError.
SentencepieceModel parseSentencepieceModel(std::string_view bytes, const std::string& name);

// From the pieces' types: which bytes have a piece, and what stands for what none spells.
ByteFallback byteFallback(const std::vector<ScoredPiece>& pieces, const std::vector<SentencepieceType>& types,
                          int unknown);

} // namespace fovea
