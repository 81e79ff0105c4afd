#pragma once
// Reads the fields of a protobuf message, one after the other, trusting nothing.

#include <cstdint>
#include <optional>
#include <string_view>

namespace fovea {

struct WireField {
    std::uint32_t number = 0;
    std::uint64_t value = 0; // of a varint or a fixed-width field
    std::string_view bytes;  // of a length-delimited field
};

class WireReader {
public:
    explicit WireReader(std::string_view message) : m_rest(message) {}

    // The next field; nothing at the end, or where the message is broken (then broken() is true).
    std::optional<WireField> next();
    bool broken() const { return m_broken; }

private:
    std::optional<std::uint64_t> varint();
    std::optional<std::uint64_t> fixed(std::size_t bytes);

    std::string_view m_rest;
    bool m_broken = false;
};

} // namespace fovea
