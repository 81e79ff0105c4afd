#pragma once
// Text on its way to tokens: what normalising made of it, and for each byte the bytes of the original that it
// stands for.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/tokenizer/text_range.h"

namespace fovea {

class AlignedText {
public:
    AlignedText() = default;
    // `bytes` as they are; byte i comes from byte i.
    static AlignedText verbatim(std::string_view bytes);
    // Valid UTF-8: what is none becomes U+FFFD, one for the longest beginning of a character, as Python and
    // the Unicode standard replace it.
    static AlignedText repaired(std::string_view bytes);

    const std::string& text() const { return m_text; }
    std::size_t size() const { return m_text.size(); }
    bool empty() const { return m_text.empty(); }
    std::string_view view(std::size_t begin, std::size_t end) const {
        return std::string_view(m_text).substr(begin, end - begin);
    }
    // What [begin, end) stands for. An empty range stands for nothing, at the place where it is.
    TextSpan origin(std::size_t begin, std::size_t end) const;

    void reserve(std::size_t bytes);
    void append(std::string_view bytes, TextSpan from);
    void append(const AlignedText& other, std::size_t begin, std::size_t end);
    AlignedText slice(std::size_t begin, std::size_t end) const;

private:
    std::string m_text;
    std::vector<TextSpan> m_origin; // one per byte, in order
};

} // namespace fovea
