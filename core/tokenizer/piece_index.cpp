#include "core/tokenizer/piece_index.h"

#include <algorithm>
#include <tuple>

namespace fovea {

PieceIndex::PieceIndex(std::vector<std::pair<std::string_view, int>> pieces) : m_pieces(std::move(pieces)) {
    std::erase_if(m_pieces, [](const auto& piece) { return piece.first.empty(); });
    const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
    std::stable_sort(m_pieces.begin(), m_pieces.end(), less);
    const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
    m_pieces.erase(std::unique(m_pieces.begin(), m_pieces.end(), same), m_pieces.end());
    m_byFirstByte.resize(256);
    for (std::size_t i = 0; i < m_pieces.size(); ++i) {
        auto& range = m_byFirstByte[static_cast<unsigned char>(m_pieces[i].first.front())];
        if (range.second == 0)
            range.first = i;
        range.second = i + 1;
    }
}

bool PieceIndex::narrow(std::size_t& low, std::size_t& high, std::size_t at, char byte) const {
    if (m_pieces.empty())
        return false;
    if (at == 0) {
        std::tie(low, high) = m_byFirstByte[static_cast<unsigned char>(byte)];
        return low < high;
    }
    // A piece that ends before `at` sorts first; bytes compare as unsigned, as string_view does.
    const auto value = [&](const auto& piece) {
        return piece.first.size() <= at ? -1 : static_cast<int>(static_cast<unsigned char>(piece.first[at]));
    };
    const int wanted = static_cast<unsigned char>(byte);
    const auto begin = m_pieces.begin() + static_cast<std::ptrdiff_t>(low);
    const auto end = m_pieces.begin() + static_cast<std::ptrdiff_t>(high);
    const auto first = std::partition_point(begin, end, [&](const auto& p) { return value(p) < wanted; });
    const auto last = std::partition_point(first, end, [&](const auto& p) { return value(p) == wanted; });
    low = static_cast<std::size_t>(first - m_pieces.begin());
    high = static_cast<std::size_t>(last - m_pieces.begin());
    return low < high;
}

PieceIndex::Match PieceIndex::longest(std::string_view text) const {
    Match best;
    forEachPrefix(text, [&](std::size_t length, int id) { best = {length, id}; });
    return best;
}

} // namespace fovea
