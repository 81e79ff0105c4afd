#pragma once
// Which pieces begin a text: the strings sorted, and a range of them narrowed byte by byte.

#include <cstddef>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

class PieceIndex {
public:
    struct Match {
        std::size_t length = 0; // 0: none
        int id = -1;
    };

    PieceIndex() = default;
    // The strings must outlive the index. Of two that are equal the first counts; empty ones never match.
    explicit PieceIndex(std::vector<std::pair<std::string_view, int>> pieces);

    // Every piece that `text` begins with, the shortest first, as visit(length, id).
    template <class Visit>
    void forEachPrefix(std::string_view text, Visit visit) const {
        std::size_t low = 0, high = m_pieces.size();
        for (std::size_t length = 1; length <= text.size(); ++length) {
            if (!narrow(low, high, length - 1, text[length - 1]))
                return;
            if (m_pieces[low].first.size() == length)
                visit(length, m_pieces[low].second);
        }
    }
    Match longest(std::string_view text) const;
    bool empty() const { return m_pieces.empty(); }

private:
    bool narrow(std::size_t& low, std::size_t& high, std::size_t at, char byte) const;

    std::vector<std::pair<std::string_view, int>> m_pieces;
    std::vector<std::pair<std::size_t, std::size_t>> m_byFirstByte; // 256 ranges
};

} // namespace fovea
