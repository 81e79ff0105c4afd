#include "core/tokenizer/unigram.h"

#include <algorithm>
#include <limits>

#include "core/tokenizer/utf8.h"

namespace fovea {

namespace {

// What an unknown character costs beyond the worst piece, in both libraries.
constexpr double kUnknownPenalty = 10;

// The best way to a place in the text: its score, and the token that ends there.
struct Arrival {
    double score = 0;
    std::int64_t from = -1; // where that token begins; -1: no way found yet
    int id = -1;
};

} // namespace

Unigram::Unigram(std::vector<ScoredPiece> pieces, const ByteFallback& fallback, Precision precision)
    : m_pieces(std::move(pieces)), m_fallback(fallback), m_precision(precision) {
    double least = std::numeric_limits<double>::max(), most = std::numeric_limits<double>::lowest();
    std::vector<std::pair<std::string_view, int>> index;
    for (std::size_t i = 0; i < m_pieces.size(); ++i) {
        const ScoredPiece& piece = m_pieces[i];
        if (!piece.spells || piece.unused || piece.text.empty())
            continue;
        index.emplace_back(piece.text, static_cast<int>(i));
        if (piece.whole)
            continue;
        least = std::min<double>(least, piece.score);
        most = std::max<double>(most, piece.score);
    }
    m_index = PieceIndex(std::move(index));
    m_bestScore = most;
    m_unknownScore = sum(least, -kUnknownPenalty);
}

double Unigram::sum(double a, double b) const {
    return m_precision == Precision::Float ? static_cast<double>(static_cast<float>(a + b)) : a + b;
}

// A user-defined piece is better than anything that it could be cut into.
double Unigram::scoreOf(const ScoredPiece& piece) const {
    return piece.whole ? static_cast<double>(piece.text.size()) * m_bestScore - 0.1 : piece.score;
}

void Unigram::cut(std::string_view text, std::vector<Cut>& cuts) const {
    std::vector<Arrival> arrivals(text.size() + 1);
    const auto arrive = [&](std::size_t from, std::size_t to, double score, int id) {
        const double total = sum(score, arrivals[from].score);
        if (arrivals[to].from < 0 || total > arrivals[to].score)
            arrivals[to] = {total, static_cast<std::int64_t>(from), id};
    };
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t character = characterLength(text.substr(at));
        bool spelt = false;
        m_index.forEachPrefix(text.substr(at), [&](std::size_t length, int id) {
            arrive(at, at + length, scoreOf(m_pieces[static_cast<std::size_t>(id)]), id);
            spelt = spelt || length == character;
        });
        if (!spelt)
            arrive(at, at + character, m_unknownScore, -1);
        at += character;
    }
    std::vector<Cut> backwards;
    for (std::size_t end = text.size(); end > 0;) {
        const Arrival& arrival = arrivals[end];
        const auto begin = static_cast<std::uint32_t>(arrival.from);
        backwards.push_back({arrival.id, begin, static_cast<std::uint32_t>(end)});
        end = begin;
    }
    for (auto cut = backwards.rbegin(); cut != backwards.rend(); ++cut) {
        if (cut->id >= 0)
            cuts.push_back(*cut);
        else
            appendFallback(m_fallback, text.substr(cut->begin, cut->end - cut->begin), cut->begin, cuts);
    }
}

} // namespace fovea
