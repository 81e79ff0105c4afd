#pragma once
// Byte-pair encoding as sentencepiece and llama2.c do it: text is cut into characters, then the neighbouring
// pair whose union is the best-scored piece is joined, the leftmost on a tie, until no union is a piece.

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/tokenizer/piece_index.h"
#include "core/tokenizer/segmentation.h"

namespace fovea {

// A vocabulary in which every piece has a score: sentencepiece's, llama2.c's, and GGUF's "llama".
struct ScoredPiece {
    std::string text;
    double score = 0;
    bool spells = true;  // may stand for text (control, unknown and byte pieces may not)
    bool whole = false;  // user-defined: cut out of the text before anything is joined
    bool unused = false; // a step on the way to longer pieces, no token itself
};

struct ByteFallback {
    std::array<int, 256> bytes; // the piece that stands for byte b of a character that no piece spells, or -1
    int unknown = 0;            // stands in where that is -1
    bool fuseUnknown = false;   // a run of unknown characters is one token
};

class ScoredBpe final : public Segmentation {
public:
    ScoredBpe(std::vector<ScoredPiece> pieces, const ByteFallback& fallback);
    ScoredBpe(const ScoredBpe&) = delete; // the lookup refers into the pieces
    ScoredBpe& operator=(const ScoredBpe&) = delete;

    // O(n log n); the text is taken as it is, no space added.
    void cut(std::string_view text, std::vector<Cut>& cuts) const override;

private:
    struct Symbol;
    struct Joining;
    int find(std::string_view text) const;
    bool startsWords(std::string_view mark) const;
    void cutWord(std::string_view text, std::uint32_t offset, std::vector<Cut>& cuts) const;
    std::vector<Symbol> split(std::string_view text) const;
    void join(Joining& joining) const;
    void write(const Joining& joining, const Symbol& symbol, std::uint32_t offset,
               std::vector<Cut>& cuts) const;

    std::vector<ScoredPiece> m_pieces;
    ByteFallback m_fallback;
    std::unordered_map<std::string_view, int> m_lookup;
    PieceIndex m_whole;
    std::string_view m_wordMark; // begins words, so that no piece has it behind another character; or empty
};

// Appends the tokens of a character at `begin` that no piece spells.
void appendFallback(const ByteFallback& fallback, std::string_view character, std::uint32_t begin,
                    std::vector<Cut>& cuts);

} // namespace fovea
