#pragma once
// Kudo, "Subword regularization", arXiv 1804.10959: of all ways to cut a text into pieces the one with the
// greatest sum of log probabilities, found by Viterbi's algorithm (sentencepiece's "unigram").

#include <string>
#include <vector>

#include "core/tokenizer/piece_index.h"
#include "core/tokenizer/scored_bpe.h"
#include "core/tokenizer/segmentation.h"

namespace fovea {

class Unigram final : public Segmentation {
public:
    // sentencepiece adds scores up as floats, tokenizer.json's library as doubles: near a tie it shows.
    enum class Precision { Float, Double };

    Unigram(std::vector<ScoredPiece> pieces, const ByteFallback& fallback, Precision precision);
    Unigram(const Unigram&) = delete; // the index refers into the pieces
    Unigram& operator=(const Unigram&) = delete;

    void cut(std::string_view text, std::vector<Cut>& cuts) const override;

private:
    double sum(double a, double b) const;
    double scoreOf(const ScoredPiece& piece) const;

    std::vector<ScoredPiece> m_pieces;
    ByteFallback m_fallback;
    Precision m_precision;
    PieceIndex m_index;
    double m_unknownScore = 0, m_bestScore = 0;
};

} // namespace fovea
