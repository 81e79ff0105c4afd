#pragma once
// Byte-pair encoding as sentencepiece and llama2.c do it: text is cut into characters, then the neighbouring
// pair whose union is the best-scored piece is joined, the leftmost on a tie, until no union is a piece.

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace fovea {

class BpeVocabulary {
public:
    struct Piece {
        std::string text;
        float score = 0;
        bool spells = true; // may stand for text (control, unknown and byte pieces may not)
        bool whole = false; // cut out of the text before anything is joined (user-defined pieces)
    };

    // `bytes[b]` is the piece that stands for byte b of a character that no piece spells, or -1;
    // `unknown` stands in where that is -1.
    BpeVocabulary(std::vector<Piece> pieces, std::array<int, 256> bytes, int unknown);
    BpeVocabulary(const BpeVocabulary&) = delete; // the lookup refers into the pieces
    BpeVocabulary& operator=(const BpeVocabulary&) = delete;

    // O(n log n); the text is taken as it is, no space added.
    std::vector<int> encode(std::string_view text) const;

    int size() const { return static_cast<int>(m_pieces.size()); }
    const std::string& text(int piece) const { return m_pieces[static_cast<std::size_t>(piece)].text; }

private:
    struct Symbol;
    int find(std::string_view text) const;
    std::vector<Symbol> split(std::string_view text) const;
    void join(std::string_view text, std::vector<Symbol>& symbols) const;

    std::vector<Piece> m_pieces;
    std::array<int, 256> m_bytes;
    int m_unknown;
    std::unordered_map<std::string_view, int> m_lookup;
    std::size_t m_longestWhole = 0;
};

// "<0x41>" -> 0x41, anything else -> -1. How both formats spell their byte pieces.
int bytePieceValue(std::string_view piece);

} // namespace fovea
