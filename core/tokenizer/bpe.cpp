#include "core/tokenizer/bpe.h"

#include <algorithm>
#include <queue>

namespace fovea {

namespace {

// Bytes of the UTF-8 character at the front; 1 where the text is no UTF-8.
std::size_t characterLength(std::string_view text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t wanted = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    std::size_t length = 1;
    while (length < wanted && length < text.size() &&
           (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
        ++length;
    return length == wanted ? wanted : 1;
}

int hexDigit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

} // namespace

int bytePieceValue(std::string_view piece) {
    if (piece.size() != 6 || piece.substr(0, 3) != "<0x" || piece[5] != '>')
        return -1;
    const int high = hexDigit(piece[3]), low = hexDigit(piece[4]);
    return high < 0 || low < 0 ? -1 : 16 * high + low;
}

// A stretch of the text, in a doubly linked list. An absorbed symbol has length 0.
struct BpeVocabulary::Symbol {
    std::size_t start = 0, length = 0;
    std::ptrdiff_t left = -1, right = -1;
    bool whole = false;
};

BpeVocabulary::BpeVocabulary(std::vector<Piece> pieces, std::array<int, 256> bytes, int unknown)
    : m_pieces(std::move(pieces)), m_bytes(bytes), m_unknown(unknown) {
    m_lookup.reserve(m_pieces.size());
    for (std::size_t i = 0; i < m_pieces.size(); ++i) {
        const Piece& piece = m_pieces[i];
        if (!piece.spells || piece.text.empty())
            continue;
        m_lookup.emplace(piece.text, static_cast<int>(i));
        if (piece.whole)
            m_longestWhole = std::max(m_longestWhole, piece.text.size());
    }
}

int BpeVocabulary::find(std::string_view text) const {
    const auto found = m_lookup.find(text);
    return found == m_lookup.end() ? -1 : found->second;
}

std::vector<BpeVocabulary::Symbol> BpeVocabulary::split(std::string_view text) const {
    std::vector<Symbol> symbols;
    for (std::size_t at = 0; at < text.size();) {
        Symbol symbol{at, characterLength(text.substr(at)), static_cast<std::ptrdiff_t>(symbols.size()) - 1,
                      -1, false};
        for (std::size_t length = std::min(m_longestWhole, text.size() - at); length > 0; --length) {
            const int piece = find(text.substr(at, length));
            if (piece >= 0 && m_pieces[static_cast<std::size_t>(piece)].whole) {
                symbol.length = length;
                symbol.whole = true;
                break;
            }
        }
        if (!symbols.empty())
            symbols.back().right = static_cast<std::ptrdiff_t>(symbols.size());
        at += symbol.length;
        symbols.push_back(symbol);
    }
    return symbols;
}

void BpeVocabulary::join(std::string_view text, std::vector<Symbol>& symbols) const {
    struct Pair {
        float score;
        std::ptrdiff_t left, right;
        std::size_t length; // of the union when it was queued: tells a stale entry
    };
    const auto worse = [](const Pair& a, const Pair& b) {
        return a.score != b.score ? a.score < b.score : a.left > b.left;
    };
    std::priority_queue<Pair, std::vector<Pair>, decltype(worse)> queue(worse);
    const auto consider = [&](std::ptrdiff_t left, std::ptrdiff_t right) {
        if (left < 0 || right < 0)
            return;
        const Symbol& a = symbols[static_cast<std::size_t>(left)];
        const Symbol& b = symbols[static_cast<std::size_t>(right)];
        if (a.whole || b.whole)
            return;
        const int piece = find(text.substr(a.start, a.length + b.length));
        if (piece >= 0)
            queue.push({m_pieces[static_cast<std::size_t>(piece)].score, left, right, a.length + b.length});
    };
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
        consider(static_cast<std::ptrdiff_t>(i), static_cast<std::ptrdiff_t>(i + 1));
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

std::vector<int> BpeVocabulary::encode(std::string_view text) const {
    std::vector<Symbol> symbols = split(text);
    join(text, symbols);
    std::vector<int> ids;
    for (const Symbol& symbol : symbols) {
        if (symbol.length == 0)
            continue;
        const std::string_view spelt = text.substr(symbol.start, symbol.length);
        if (const int piece = find(spelt); piece >= 0) {
            ids.push_back(piece);
            continue;
        }
        for (const char c : spelt) {
            const int byte = m_bytes[static_cast<unsigned char>(c)];
            ids.push_back(byte >= 0 ? byte : m_unknown);
            if (byte < 0)
                break; // one unknown piece for the whole character
        }
    }
    return ids;
}

} // namespace fovea
