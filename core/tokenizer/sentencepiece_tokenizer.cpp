#include "core/tokenizer/sentencepiece_tokenizer.h"

#include "core/model/checked_file.h"
#include "core/tokenizer/pipeline_tokenizer.h"
#include "core/tokenizer/sentencepiece_model.h"
#include "core/tokenizer/sentencepiece_normalizer.h"
#include "core/tokenizer/special_tokens.h"
#include "core/tokenizer/unigram.h"

namespace fovea {

namespace {

// Real vocabularies of this kind are below 10 MB; a larger file is not one.
constexpr std::uint64_t kLargestFile = 256u << 20;

// Names, markers and ends, which the types tell.
void addPieces(const SentencepieceModel& file, TokenizerParts& parts) {
    std::vector<AddedToken> markers;
    for (std::size_t i = 0; i < file.pieces.size(); ++i) {
        const std::string& text = file.pieces[i].text;
        const bool control = file.types[i] == SentencepieceType::Control;
        parts.names.push_back(text);
        parts.special.push_back(control);
        if (control)
            markers.push_back({.id = static_cast<int>(i), .text = text, .special = true});
    }
    const auto lookup = [&](const std::string& text) {
        for (const AddedToken& marker : markers)
            if (marker.text == text)
                return marker.id;
        return -1;
    };
    parts.specials = {file.bos, file.eos, file.bos >= 0, {}};
    addKnownEnds(parts.specials, lookup);
    parts.added = AddedTokens(std::move(markers));
}

TokenizerParts partsOf(SentencepieceModel file) {
    TokenizerParts parts;
    addPieces(file, parts);
    parts.unknown = file.unknown;
    parts.unknownText = " \xe2\x81\x87 "; // sentencepiece's own spelling of what it does not know
    parts.repairsText = false;            // the normalizer does, byte by byte
    SentencepieceNormalization rules{
        std::move(file.charsmap), file.dummyPrefix, file.squeezeSpaces, file.escapeSpaces, {}};
    for (const ScoredPiece& piece : file.pieces)
        if (piece.whole)
            rules.untouched.push_back(piece.text);
    parts.normalizer = {sentencepieceNormalizer(std::move(rules))};
    // The space in front of the first word is the encoder's own addition.
    parts.decoder = {metaspaceToBlanks("\xe2\x96\x81", file.dummyPrefix), bytePiecesToBytes()};
    const ByteFallback fallback = byteFallback(file.pieces, file.types, file.unknown);
    if (file.algorithm == SentencepieceModel::Algorithm::Bpe)
        parts.model = std::make_unique<ScoredBpe>(std::move(file.pieces), fallback);
    else
        parts.model = std::make_unique<Unigram>(std::move(file.pieces), fallback, Unigram::Precision::Float);
    return parts;
}

} // namespace

std::shared_ptr<const Tokenizer> readSentencepiece(const std::filesystem::path& file) {
    return parseSentencepiece(readFile(file, kLargestFile), file.string());
}

std::shared_ptr<const Tokenizer> parseSentencepiece(const std::string& bytes, const std::string& name) {
    return makeTokenizer(partsOf(parseSentencepieceModel(bytes, name)));
}

} // namespace fovea
