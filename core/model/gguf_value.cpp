#include <cstring>
#include <limits>

#include "core/model/gguf.h"

namespace fovea {

int ggufValueBytes(GgufValueType type) {
    switch (type) {
    case GgufValueType::Uint8:
    case GgufValueType::Int8:
    case GgufValueType::Bool:
        return 1;
    case GgufValueType::Uint16:
    case GgufValueType::Int16:
        return 2;
    case GgufValueType::Uint32:
    case GgufValueType::Int32:
    case GgufValueType::Float32:
        return 4;
    default:
        return 8;
    }
}

namespace {

template <class T>
T loaded(const std::byte* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

std::optional<std::int64_t> integerAt(GgufValueType type, const std::byte* at) {
    switch (type) {
    case GgufValueType::Uint8:
        return loaded<std::uint8_t>(at);
    case GgufValueType::Int8:
        return loaded<std::int8_t>(at);
    case GgufValueType::Uint16:
        return loaded<std::uint16_t>(at);
    case GgufValueType::Int16:
        return loaded<std::int16_t>(at);
    case GgufValueType::Uint32:
        return loaded<std::uint32_t>(at);
    case GgufValueType::Int32:
        return loaded<std::int32_t>(at);
    case GgufValueType::Int64:
        return loaded<std::int64_t>(at);
    case GgufValueType::Uint64: {
        const auto value = loaded<std::uint64_t>(at);
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            return std::nullopt;
        return static_cast<std::int64_t>(value);
    }
    default:
        return std::nullopt;
    }
}

std::optional<double> numberAt(GgufValueType type, const std::byte* at) {
    if (type == GgufValueType::Float32)
        return loaded<float>(at);
    if (type == GgufValueType::Float64)
        return loaded<double>(at);
    if (type == GgufValueType::Uint64)
        return static_cast<double>(loaded<std::uint64_t>(at));
    if (const auto value = integerAt(type, at))
        return static_cast<double>(*value);
    return std::nullopt;
}

// Every element by `read`, or nothing as soon as one has no answer.
template <class T, class Read>
std::optional<std::vector<T>> each(GgufValueType type, std::uint64_t count, std::span<const std::byte> bytes,
                                   const Read& read) {
    std::vector<T> out;
    if (type == GgufValueType::String)
        return std::nullopt;
    out.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto value = read(type, bytes.data() + i * static_cast<std::uint64_t>(ggufValueBytes(type)));
        if (!value)
            return std::nullopt;
        out.push_back(*value);
    }
    return out;
}

std::string_view stringAt(const std::byte* at) {
    return {reinterpret_cast<const char*>(at + 8), static_cast<std::size_t>(loaded<std::uint64_t>(at))};
}

} // namespace

std::optional<std::int64_t> GgufValue::integer() const {
    return m_array ? std::nullopt : integerAt(m_type, m_bytes.data());
}

std::optional<double> GgufValue::number() const {
    return m_array ? std::nullopt : numberAt(m_type, m_bytes.data());
}

std::optional<bool> GgufValue::boolean() const {
    if (m_array || m_type != GgufValueType::Bool)
        return std::nullopt;
    return m_bytes[0] != std::byte{0};
}

std::optional<std::string_view> GgufValue::string() const {
    if (m_array || m_type != GgufValueType::String)
        return std::nullopt;
    return stringAt(m_bytes.data());
}

std::optional<std::vector<std::string_view>> GgufValue::strings() const {
    if (!m_array || m_type != GgufValueType::String)
        return std::nullopt;
    std::vector<std::string_view> out;
    out.reserve(static_cast<std::size_t>(m_count));
    const std::byte* at = m_bytes.data();
    for (std::uint64_t i = 0; i < m_count; ++i) {
        out.push_back(stringAt(at));
        at += 8 + out.back().size();
    }
    return out;
}

std::optional<std::vector<std::int64_t>> GgufValue::integers() const {
    return m_array ? each<std::int64_t>(m_type, m_count, m_bytes, integerAt) : std::nullopt;
}

std::optional<std::vector<double>> GgufValue::numbers() const {
    return m_array ? each<double>(m_type, m_count, m_bytes, numberAt) : std::nullopt;
}

std::optional<std::vector<bool>> GgufValue::booleans() const {
    if (!m_array || m_type != GgufValueType::Bool)
        return std::nullopt;
    std::vector<bool> out;
    for (const std::byte value : m_bytes)
        out.push_back(value != std::byte{0});
    return out;
}

} // namespace fovea
