#include "core/tokenizer/wire_format.h"

namespace fovea {

std::optional<std::uint64_t> WireReader::varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && !m_rest.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(m_rest.front());
        m_rest.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    return std::nullopt;
}

std::optional<std::uint64_t> WireReader::fixed(std::size_t bytes) {
    if (m_rest.size() < bytes)
        return std::nullopt;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i)
        value |= static_cast<std::uint64_t>(static_cast<unsigned char>(m_rest[i])) << (8 * i);
    m_rest.remove_prefix(bytes);
    return value;
}

std::optional<WireField> WireReader::next() {
    if (m_rest.empty() || m_broken)
        return std::nullopt;
    m_broken = true; // until the field has been read whole
    const auto tag = varint();
    if (!tag || *tag >> 3 == 0 || *tag >> 3 > 0x1fffffff)
        return std::nullopt;
    WireField field;
    field.number = static_cast<std::uint32_t>(*tag >> 3);
    std::optional<std::uint64_t> value;
    switch (*tag & 7) {
    case 0:
        value = varint();
        break;
    case 1:
        value = fixed(8);
        break;
    case 5:
        value = fixed(4);
        break;
    case 2:
        value = varint();
        if (value && *value > m_rest.size())
            value.reset();
        if (value) {
            field.bytes = m_rest.substr(0, static_cast<std::size_t>(*value));
            m_rest.remove_prefix(static_cast<std::size_t>(*value));
        }
        break;
    default:
        break;
    }
    if (!value)
        return std::nullopt;
    field.value = *value;
    m_broken = false;
    return field;
}

} // namespace fovea
