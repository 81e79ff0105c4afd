#pragma once
// Byte-pair encoding by a list of merges: text is cut into characters, then the neighbouring pair that stands
// first in the list is joined, the leftmost on a tie, until none is in it (GPT-2; tokenizer.json's "BPE").

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/tokenizer/segmentation.h"

namespace fovea {

struct Merge {
    int left = -1, right = -1, result = -1;
};

struct RankedBpeOptions {
    int unknown = -1;          // stands for a character that no piece spells; -1: it is left out
    bool fuseUnknown = false;  // a run of them is one token
    bool byteFallback = false; // such a character is spelt by "<0x41>" pieces where all of its bytes have one
    bool ignoreMerges = false; // a text that is a piece is that piece, however it would be joined
};

class RankedBpe final : public Segmentation {
public:
    // `pieces` by id, an empty one spells nothing; `merges` in their order, the last one of a pair counts.
    RankedBpe(std::vector<std::string> pieces, const std::vector<Merge>& merges,
              const RankedBpeOptions& options);
    RankedBpe(const RankedBpe&) = delete; // the lookup refers into the pieces
    RankedBpe& operator=(const RankedBpe&) = delete;

    // O(n log n)
    void cut(std::string_view text, std::vector<Cut>& cuts) const override;

private:
    struct Symbol;
    struct Joined {
        std::uint32_t rank;
        int result;
    };
    const Joined* find(int left, int right) const;
    std::vector<Symbol> split(std::string_view text) const;
    bool spellBytes(std::string_view character, std::uint32_t at, std::vector<Symbol>& symbols) const;
    void join(std::vector<Symbol>& symbols) const;

    std::vector<std::string> m_pieces;
    std::unordered_map<std::string_view, int> m_lookup;
    std::unordered_map<std::uint64_t, Joined> m_merges; // by left << 32 | right
    std::vector<int> m_bytes;                           // 256 ids or -1
    RankedBpeOptions m_options;
};

} // namespace fovea
