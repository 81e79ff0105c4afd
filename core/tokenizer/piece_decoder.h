#pragma once
// What a token's spelling in the vocabulary says as text: the decoders of tokenizer.json, one token at a
// time.

#include <functional>
#include <string>
#include <vector>

#include "core/tokenizer/text_pattern.h"

namespace fovea {

// `piece` so far, and whether its token is the first of a text.
using DecoderStep = std::function<std::string(std::string piece, bool first)>;
using PieceDecoder = std::vector<DecoderStep>;

std::string decodePiece(const PieceDecoder& steps, std::string piece, bool first);

// GPT-2's letters to bytes; a piece with any other character stays as it is.
DecoderStep lettersToBytes();
// "<0x41>" to the byte.
DecoderStep bytePiecesToBytes();
// `space` to blanks; the first of a text is left out where the encoder put it there.
DecoderStep metaspaceToBlanks(std::string space, bool dropFirst);
DecoderStep replaceInPiece(TextPattern pattern, std::string with);
// At most `start` and `stop` of `character` off the ends; of the first piece alone when `firstOnly`.
DecoderStep stripPiece(std::string character, std::size_t start, std::size_t stop, bool firstOnly);

} // namespace fovea
