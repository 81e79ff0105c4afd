#pragma once
// A tokenizer put together from parts, whatever file they were read from: markers are found, the rest is
// normalized, cut into pieces, and each piece into tokens.

#include <memory>
#include <string>
#include <vector>

#include "core/tokenizer/added_tokens.h"
#include "core/tokenizer/normalizer.h"
#include "core/tokenizer/piece_decoder.h"
#include "core/tokenizer/pre_tokenizer.h"
#include "core/tokenizer/segmentation.h"
#include "core/tokenizer/tokenizer.h"

namespace fovea {

struct SpecialTokens {
    int bos = -1, eos = -1;
    bool addsBos = false;
    std::vector<int> ends; // eos first
};

struct TokenizerParts {
    std::vector<std::string> names; // by id
    std::vector<bool> special;      // by id: says nothing when decoded
    AddedTokens added;              // looked for in the text as it is
    AddedTokens addedNormalized;    // looked for in the normalized text
    Normalizer normalizer;
    PreTokenizer preTokenizer;
    std::unique_ptr<const Segmentation> model;
    PieceDecoder decoder;
    SpecialTokens specials;
    int unknown = -1; // decoded as unknownText
    std::string unknownText;
    bool repairsText = true; // bytes that are no UTF-8 become U+FFFD; else the model sees them
    bool parsesSpecialByDefault = false;
};

std::shared_ptr<const Tokenizer> makeTokenizer(TokenizerParts parts);

} // namespace fovea
