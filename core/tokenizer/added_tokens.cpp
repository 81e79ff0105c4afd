#include "core/tokenizer/added_tokens.h"

#include <algorithm>

#include "core/tokenizer/character_class.h"
#include "core/tokenizer/utf8.h"

namespace fovea {

namespace {

bool withinWord(std::string_view text, const Range& match) {
    return (match.begin > 0 && isWordCharacter(lastCharacter(text.substr(0, match.begin)))) ||
           (match.end < text.size() && isWordCharacter(firstCharacter(text.substr(match.end)).code));
}

std::size_t blanksBefore(std::string_view text, std::size_t at, std::size_t least) {
    while (at > least && isBlank(lastCharacter(text.substr(0, at)))) {
        do
            --at;
        while (at > least && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
    }
    return at;
}

std::size_t blanksAfter(std::string_view text, std::size_t at) {
    while (at < text.size() && isBlank(firstCharacter(text.substr(at)).code))
        at += characterLength(text.substr(at));
    return at;
}

} // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : m_tokens(std::move(tokens)) {
    std::vector<std::pair<std::string_view, int>> index;
    for (std::size_t i = 0; i < m_tokens.size(); ++i)
        index.emplace_back(m_tokens[i].text, static_cast<int>(i));
    m_index = PieceIndex(std::move(index));
}

std::vector<AddedTokens::Part> AddedTokens::find(std::string_view text, bool parseSpecial) const {
    std::vector<Part> parts;
    std::size_t done = 0;
    const auto plain = [&](std::size_t end) {
        if (done < end)
            parts.push_back({{done, end}, -1});
    };
    for (std::size_t at = 0; at < text.size() && !m_index.empty();) {
        const PieceIndex::Match match = m_index.longest(text.substr(at));
        if (match.length == 0) {
            ++at;
            continue;
        }
        const AddedToken& token = m_tokens[static_cast<std::size_t>(match.id)];
        Range range{at, at + match.length};
        at = range.end; // what is passed over is not looked at again
        if ((token.special && !parseSpecial) || (token.singleWord && withinWord(text, range)))
            continue;
        if (token.leftStrip)
            range.begin = blanksBefore(text, range.begin, done);
        if (token.rightStrip)
            range.end = blanksAfter(text, range.end);
        range.begin = std::max(range.begin, done);
        if (range.begin >= range.end)
            continue;
        plain(range.begin);
        parts.push_back({range, token.id});
        done = range.end;
    }
    plain(text.size());
    return parts;
}

} // namespace fovea
