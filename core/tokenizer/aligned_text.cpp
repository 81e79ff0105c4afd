#include "core/tokenizer/aligned_text.h"

#include "core/tokenizer/utf8.h"

namespace fovea {

AlignedText AlignedText::verbatim(std::string_view bytes) {
    AlignedText made;
    made.m_text = bytes;
    made.m_origin.resize(bytes.size());
    for (std::uint32_t i = 0; i < bytes.size(); ++i)
        made.m_origin[i] = {i, i + 1};
    return made;
}

AlignedText AlignedText::repaired(std::string_view bytes) {
    if (isUtf8(bytes))
        return verbatim(bytes);
    AlignedText made;
    made.reserve(bytes.size());
    for (std::uint32_t at = 0; at < bytes.size();) {
        const Utf8Character character = firstCharacter(bytes.substr(at));
        const auto end = at + static_cast<std::uint32_t>(character.length);
        if (character.valid)
            for (; at < end; ++at)
                made.append(bytes.substr(at, 1), {at, at + 1});
        else
            made.append("\xef\xbf\xbd", {at, end});
        at = end;
    }
    return made;
}

TextSpan AlignedText::origin(std::size_t begin, std::size_t end) const {
    if (begin < end)
        return {m_origin[begin].begin, m_origin[end - 1].end};
    if (begin < m_origin.size())
        return {m_origin[begin].begin, m_origin[begin].begin};
    return m_origin.empty() ? TextSpan{} : TextSpan{m_origin.back().end, m_origin.back().end};
}

void AlignedText::reserve(std::size_t bytes) {
    m_text.reserve(bytes);
    m_origin.reserve(bytes);
}

void AlignedText::append(std::string_view bytes, TextSpan from) {
    m_text += bytes;
    m_origin.insert(m_origin.end(), bytes.size(), from);
}

void AlignedText::append(const AlignedText& other, std::size_t begin, std::size_t end) {
    m_text.append(other.m_text, begin, end - begin);
    const auto from = other.m_origin.begin();
    m_origin.insert(m_origin.end(), from + static_cast<std::ptrdiff_t>(begin),
                    from + static_cast<std::ptrdiff_t>(end));
}

AlignedText AlignedText::slice(std::size_t begin, std::size_t end) const {
    AlignedText made;
    made.append(*this, begin, end);
    return made;
}

} // namespace fovea
