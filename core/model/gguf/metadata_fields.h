#pragma once
// The metadata keys of one architecture, "llama.block_count" and so on, read one by one: what is missing or
// of another kind is refused by its name, and so at the end is what was never asked for.

#include <set>
#include <string>
#include <string_view>

#include "core/model/gguf.h"

namespace fovea {

// Keys are named without the architecture in front. All throw CheckpointError.
class MetadataFields {
public:
    MetadataFields(const GgufFile& file, std::string architecture)
        : m_file(file), m_prefix(std::move(architecture) + ".") {}

    const GgufFile& file() const { return m_file; }
    // "metadata key 'llama.KEY' " and the rest.
    [[noreturn]] void refuse(std::string_view key, const std::string& rest) const;

    // Asking counts as reading, here and below.
    bool has(std::string_view key) const { return find(key) != nullptr; }
    const GgufValue* find(std::string_view key) const;

    // Not negative. An array, one per layer, must hold one value over and over.
    int integer(std::string_view key) const;
    int integer(std::string_view key, int fallback) const { return has(key) ? integer(key) : fallback; }
    float number(std::string_view key) const; // finite
    float number(std::string_view key, float fallback) const { return has(key) ? number(key) : fallback; }
    bool flag(std::string_view key, bool fallback) const;
    std::string word(std::string_view key, const std::string& fallback) const;

    // Absent or this; anything else would be another model.
    void only(std::string_view key, int supported) const;
    void only(std::string_view key, float supported) const;
    void only(std::string_view key, bool supported) const;

    // A key of this architecture that nobody asked for: it may change the mathematics.
    void refuseUnread() const;

private:
    const GgufValue& required(std::string_view key) const;

    const GgufFile& m_file;
    std::string m_prefix;
    mutable std::set<std::string, std::less<>> m_read;
};

} // namespace fovea
