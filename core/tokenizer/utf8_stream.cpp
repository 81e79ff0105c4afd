#include "core/tokenizer/utf8_stream.h"

#include <algorithm>
#include <utility>

namespace fovea {

namespace {

// Bytes of the character that `lead` begins; 1 for what begins none.
std::size_t lengthOf(unsigned char lead) {
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
}

bool continues(unsigned char byte) {
    return (byte & 0xc0) == 0x80;
}

// How many bytes at the end of `text` are the beginning of a character that is not complete.
std::size_t unfinished(std::string_view text) {
    for (std::size_t back = 1; back <= std::min<std::size_t>(3, text.size()); ++back) {
        const auto byte = static_cast<unsigned char>(text[text.size() - back]);
        if (!continues(byte))
            return lengthOf(byte) > back ? back : 0;
    }
    return 0;
}

} // namespace

std::string Utf8Stream::add(std::string_view bytes) {
    m_held += bytes;
    const std::size_t complete = m_held.size() - unfinished(m_held);
    std::string ready = m_held.substr(0, complete);
    m_held.erase(0, complete);
    return ready;
}

std::string Utf8Stream::rest() {
    return std::exchange(m_held, {});
}

} // namespace fovea
