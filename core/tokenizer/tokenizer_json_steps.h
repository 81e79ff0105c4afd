#pragma once
// The steps of a tokenizer.json: "normalizer", "pre_tokenizer" and "decoder".

#include "core/tokenizer/json_place.h"
#include "core/tokenizer/normalizer.h"
#include "core/tokenizer/piece_decoder.h"
#include "core/tokenizer/pre_tokenizer.h"

namespace fovea {

// Of the file's object. A kind of step that is not known would change ids, and is refused by its name.
// Throw CheckpointError.
Normalizer readNormalizer(const JsonPlace& file);
PreTokenizer readPreTokenizer(const JsonPlace& file);
PieceDecoder readDecoder(const JsonPlace& file);

} // namespace fovea
