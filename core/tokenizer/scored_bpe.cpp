#include "core/tokenizer/scored_bpe.h"

#include <queue>

#include "core/tokenizer/text_range.h"
#include "core/tokenizer/utf8.h"

namespace fovea {

// A stretch of the text, in a doubly linked list. An absorbed symbol has length 0.
struct ScoredBpe::Symbol {
    std::size_t start = 0, length = 0;
    std::ptrdiff_t left = -1, right = -1;
    bool whole = false;
};

struct ScoredBpe::Joining {
    std::string_view text;
    std::vector<Symbol> symbols;
    // How an unused piece came about: the length of its left part.
    std::unordered_map<std::string_view, std::size_t> unused;
};

ScoredBpe::ScoredBpe(std::vector<ScoredPiece> pieces, const ByteFallback& fallback)
    : m_pieces(std::move(pieces)), m_fallback(fallback) {
    m_lookup.reserve(m_pieces.size());
    std::vector<std::pair<std::string_view, int>> whole;
    for (std::size_t i = 0; i < m_pieces.size(); ++i) {
        const ScoredPiece& piece = m_pieces[i];
        if (!piece.spells || piece.text.empty())
            continue;
        m_lookup.emplace(piece.text, static_cast<int>(i));
        if (piece.whole)
            whole.emplace_back(piece.text, static_cast<int>(i));
    }
    m_whole = PieceIndex(std::move(whole));
    for (const std::string_view mark : {"\xe2\x96\x81", " "}) // sentencepiece's space, and llama2.c's
        if (m_lookup.contains(mark) && startsWords(mark))
            m_wordMark = mark;
}

// Whether `mark` stands in pieces only at their start, or behind itself.
bool ScoredBpe::startsWords(std::string_view mark) const {
    for (const auto& [text, id] : m_lookup) {
        std::size_t at = 0;
        while (text.substr(at).starts_with(mark))
            at += mark.size();
        if (text.find(mark, at) != text.npos || (at > 0 && m_pieces[static_cast<std::size_t>(id)].whole))
            return false;
    }
    return true;
}

int ScoredBpe::find(std::string_view text) const {
    const auto found = m_lookup.find(text);
    return found == m_lookup.end() ? -1 : found->second;
}

std::vector<ScoredBpe::Symbol> ScoredBpe::split(std::string_view text) const {
    std::vector<Symbol> symbols;
    symbols.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t whole = m_whole.longest(text.substr(at)).length;
        const std::size_t length = whole > 0 ? whole : characterLength(text.substr(at));
        if (!symbols.empty())
            symbols.back().right = std::ssize(symbols);
        symbols.push_back({at, length, std::ssize(symbols) - 1, -1, whole > 0});
        at += length;
    }
    return symbols;
}

void ScoredBpe::join(Joining& joining) const {
    struct Pair {
        double score;
        std::ptrdiff_t left, right;
        std::size_t length; // of the union when it was queued: tells a stale entry
    };
    const auto worse = [](const Pair& a, const Pair& b) {
        return a.score != b.score ? a.score < b.score : a.left > b.left;
    };
    std::priority_queue<Pair, std::vector<Pair>, decltype(worse)> queue(worse);
    auto& symbols = joining.symbols;
    const auto consider = [&](std::ptrdiff_t left, std::ptrdiff_t right) {
        if (left < 0 || right < 0)
            return;
        const Symbol& a = symbols[static_cast<std::size_t>(left)];
        const Symbol& b = symbols[static_cast<std::size_t>(right)];
        if (a.whole || b.whole)
            return;
        const std::string_view both = joining.text.substr(a.start, a.length + b.length);
        const int id = find(both);
        if (id < 0)
            return;
        const ScoredPiece& piece = m_pieces[static_cast<std::size_t>(id)];
        queue.push({piece.score, left, right, both.size()});
        if (piece.unused)
            joining.unused[both] = a.length;
    };
    for (std::ptrdiff_t i = 0; i + 1 < std::ssize(symbols); ++i)
        consider(i, i + 1);
    while (!queue.empty()) {
        const Pair best = queue.top();
        queue.pop();
        Symbol& a = symbols[static_cast<std::size_t>(best.left)];
        Symbol& b = symbols[static_cast<std::size_t>(best.right)];
        if (a.length == 0 || b.length == 0 || a.right != best.right || a.length + b.length != best.length)
            continue;
        a.length = best.length;
        b.length = 0;
        a.right = b.right;
        if (b.right >= 0)
            symbols[static_cast<std::size_t>(b.right)].left = best.left;
        consider(a.left, best.left);
        consider(best.left, a.right);
    }
}

void ScoredBpe::write(const Joining& joining, const Symbol& symbol, std::uint32_t offset,
                      std::vector<Cut>& cuts) const {
    // An unused piece is taken apart again, as it was joined; a stack, for a hostile vocabulary may nest
    // deep.
    std::vector<Range> parts = {{symbol.start, symbol.start + symbol.length}};
    while (!parts.empty()) {
        const Range part = parts.back();
        parts.pop_back();
        const std::string_view spelt = joining.text.substr(part.begin, part.end - part.begin);
        const int id = find(spelt);
        const auto unused = joining.unused.find(spelt);
        const auto begin = static_cast<std::uint32_t>(part.begin), end = static_cast<std::uint32_t>(part.end);
        if (id >= 0 && m_pieces[static_cast<std::size_t>(id)].unused && unused != joining.unused.end()) {
            parts.push_back({part.begin + unused->second, part.end});
            parts.push_back({part.begin, part.begin + unused->second});
        } else if (id >= 0) {
            cuts.push_back({id, offset + begin, offset + end});
        } else {
            appendFallback(m_fallback, spelt, offset + begin, cuts);
        }
    }
}

// Nothing joins over the start of a word, so each word is joined on its own: the queue stays small.
void ScoredBpe::cut(std::string_view text, std::vector<Cut>& cuts) const {
    std::size_t begin = 0;
    while (!m_wordMark.empty() && begin < text.size()) {
        std::size_t end = begin;
        while (text.substr(end).starts_with(m_wordMark))
            end += m_wordMark.size();
        end = text.find(m_wordMark, end);
        if (end == text.npos)
            break;
        cutWord(text.substr(begin, end - begin), static_cast<std::uint32_t>(begin), cuts);
        begin = end;
    }
    cutWord(text.substr(begin), static_cast<std::uint32_t>(begin), cuts);
}

void ScoredBpe::cutWord(std::string_view text, std::uint32_t offset, std::vector<Cut>& cuts) const {
    Joining joining{text, split(text), {}};
    join(joining);
    for (const Symbol& symbol : joining.symbols)
        if (symbol.length > 0)
            write(joining, symbol, offset, cuts);
}

void appendFallback(const ByteFallback& fallback, std::string_view character, std::uint32_t begin,
                    std::vector<Cut>& cuts) {
    const auto end = begin + static_cast<std::uint32_t>(character.size());
    for (std::uint32_t at = begin; at < end; ++at) {
        const int byte = fallback.bytes[static_cast<unsigned char>(character[at - begin])];
        if (byte >= 0) {
            cuts.push_back({byte, at, at + 1});
            continue;
        }
        // One unknown token for the whole character, or for the run of them; none where there is none.
        if (fallback.unknown < 0)
            return;
        if (fallback.fuseUnknown && !cuts.empty() && cuts.back().id == fallback.unknown &&
            cuts.back().end == begin)
            cuts.back().end = end;
        else
            cuts.push_back({fallback.unknown, begin, end});
        return;
    }
}

} // namespace fovea
