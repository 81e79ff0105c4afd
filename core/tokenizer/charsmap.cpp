#include "core/tokenizer/charsmap.h"

#include <cstring>

namespace fovea {

namespace {

// A unit of the double array: the lowest byte is its label (with the highest bit it is none), bit 8 says that
// a value hangs below it, and the rest is how far its children are, in units or, with bit 9, in 256 of them.
bool hasLabel(std::uint32_t unit, unsigned char label) {
    return (unit & 0x800000ffu) == label;
}
bool hasValue(std::uint32_t unit) {
    return (unit >> 8 & 1) != 0;
}
std::uint32_t childrenOf(std::uint32_t unit) {
    return (unit >> 10) << ((unit & 1u << 9) >> 6);
}
std::uint32_t valueOf(std::uint32_t unit) {
    return unit & 0x7fffffffu;
}

} // namespace

std::optional<Charsmap> Charsmap::parse(std::string_view bytes) {
    std::uint32_t size = 0;
    if (bytes.size() < sizeof size)
        return std::nullopt;
    std::memcpy(&size, bytes.data(), sizeof size);
    bytes.remove_prefix(sizeof size);
    if (size < sizeof(std::uint32_t) || size % sizeof(std::uint32_t) != 0 || size >= bytes.size())
        return std::nullopt;
    Charsmap map;
    map.m_units.resize(size / sizeof(std::uint32_t));
    std::memcpy(map.m_units.data(), bytes.data(), size);
    map.m_replacements = bytes.substr(size);
    return map.m_replacements.back() == '\0' ? std::optional(std::move(map)) : std::nullopt;
}

std::optional<std::uint32_t> Charsmap::unit(std::uint32_t at) const {
    return at < m_units.size() ? std::optional(m_units[at]) : std::nullopt;
}

Charsmap::Rule Charsmap::longest(std::string_view text) const {
    Rule best;
    std::uint32_t at = childrenOf(m_units.front());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto label = static_cast<unsigned char>(text[i]);
        at ^= label;
        const auto here = unit(at);
        if (!here || !hasLabel(*here, label))
            break;
        at ^= childrenOf(*here);
        if (!hasValue(*here))
            continue;
        const auto value = unit(at);
        if (value && valueOf(*value) < m_replacements.size())
            best = {i + 1, m_replacements.c_str() + valueOf(*value)};
    }
    return best;
}

} // namespace fovea
