#include "core/tokenizer/ranked_bpe.h"

#include <algorithm>
#include <queue>

#include "core/tokenizer/utf8.h"

namespace fovea {

namespace {

std::uint64_t pairKey(int left, int right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
}

} // namespace

// A token so far, in a doubly linked list. An absorbed symbol has id -1.
struct RankedBpe::Symbol {
    int id;
    std::uint32_t begin, end;
    std::int32_t left, right;
};

RankedBpe::RankedBpe(std::vector<std::string> pieces, const std::vector<Merge>& merges,
                     const RankedBpeOptions& options)
    : m_pieces(std::move(pieces)), m_bytes(256, -1), m_options(options) {
    m_lookup.reserve(m_pieces.size());
    for (std::size_t i = 0; i < m_pieces.size(); ++i) {
        if (m_pieces[i].empty())
            continue;
        m_lookup.emplace(m_pieces[i], static_cast<int>(i));
        if (const int byte = bytePieceValue(m_pieces[i]); byte >= 0 && options.byteFallback)
            m_bytes[static_cast<std::size_t>(byte)] = static_cast<int>(i);
    }
    m_merges.reserve(merges.size());
    for (std::size_t rank = 0; rank < merges.size(); ++rank)
        m_merges[pairKey(merges[rank].left, merges[rank].right)] = {static_cast<std::uint32_t>(rank),
                                                                    merges[rank].result};
}

const RankedBpe::Joined* RankedBpe::find(int left, int right) const {
    const auto found = m_merges.find(pairKey(left, right));
    return found == m_merges.end() ? nullptr : &found->second;
}

bool RankedBpe::spellBytes(std::string_view character, std::uint32_t at, std::vector<Symbol>& symbols) const {
    const auto idOf = [&](char c) { return m_bytes[static_cast<unsigned char>(c)]; };
    if (!std::all_of(character.begin(), character.end(), [&](char c) { return idOf(c) >= 0; }))
        return false;
    for (const char c : character) {
        symbols.push_back({idOf(c), at, at + 1, -1, -1});
        ++at;
    }
    return true;
}

std::vector<RankedBpe::Symbol> RankedBpe::split(std::string_view text) const {
    std::vector<Symbol> symbols;
    symbols.reserve(text.size());
    bool afterUnknown = false;
    for (std::uint32_t at = 0; at < text.size();) {
        const std::string_view character = text.substr(at, characterLength(text.substr(at)));
        const auto end = at + static_cast<std::uint32_t>(character.size());
        const auto found = m_lookup.find(character);
        bool unknown = false;
        if (found != m_lookup.end()) {
            symbols.push_back({found->second, at, end, -1, -1});
        } else if (!spellBytes(character, at, symbols) && m_options.unknown >= 0) {
            unknown = true;
            if (afterUnknown && m_options.fuseUnknown)
                symbols.back().end = end;
            else
                symbols.push_back({m_options.unknown, at, end, -1, -1});
        }
        afterUnknown = unknown;
        at = end;
    }
    for (std::size_t i = 0; i < symbols.size(); ++i) {
        symbols[i].left = static_cast<std::int32_t>(i) - 1;
        symbols[i].right = i + 1 < symbols.size() ? static_cast<std::int32_t>(i) + 1 : -1;
    }
    return symbols;
}

void RankedBpe::join(std::vector<Symbol>& symbols) const {
    struct Pair {
        std::uint32_t rank;
        std::int32_t left;
        int result;
    };
    const auto later = [](const Pair& a, const Pair& b) {
        return a.rank != b.rank ? a.rank > b.rank : a.left > b.left;
    };
    std::priority_queue<Pair, std::vector<Pair>, decltype(later)> queue(later);
    const auto symbol = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
    const auto consider = [&](std::int32_t left, std::int32_t right) {
        if (left < 0 || right < 0)
            return;
        if (const Joined* joined = find(symbol(left).id, symbol(right).id))
            queue.push({joined->rank, left, joined->result});
    };
    for (std::int32_t i = 0; i + 1 < std::ssize(symbols); ++i)
        consider(i, i + 1);
    while (!queue.empty()) {
        const Pair best = queue.top();
        queue.pop();
        Symbol& a = symbol(best.left);
        if (a.id < 0 || a.right < 0)
            continue;
        // Stale, unless the pair that stands here now makes the same.
        Symbol& b = symbol(a.right);
        const Joined* joined = find(a.id, b.id);
        if (joined == nullptr || joined->result != best.result)
            continue;
        a.id = best.result;
        a.end = b.end;
        b.id = -1;
        a.right = b.right;
        if (b.right >= 0)
            symbol(b.right).left = best.left;
        consider(a.left, best.left);
        consider(best.left, a.right);
    }
}

void RankedBpe::cut(std::string_view text, std::vector<Cut>& cuts) const {
    if (m_options.ignoreMerges) {
        if (const auto found = m_lookup.find(text); found != m_lookup.end()) {
            cuts.push_back({found->second, 0, static_cast<std::uint32_t>(text.size())});
            return;
        }
    }
    std::vector<Symbol> symbols = split(text);
    join(symbols);
    for (const Symbol& symbol : symbols)
        if (symbol.id >= 0)
            cuts.push_back({symbol.id, symbol.begin, symbol.end});
}

} // namespace fovea
