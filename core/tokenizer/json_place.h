#pragma once
// A value in a JSON file, and where it stands, so that an error can name it.

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

class JsonPlace {
public:
    using Json = nlohmann::json;

    // `name` is what an error says first: the file's. `json` must outlive this.
    JsonPlace(const Json& json, std::string name) : m_json(&json), m_name(std::move(name)) {}

    const Json& json() const { return *m_json; }
    // Present, and not null.
    bool has(const char* key) const;
    // Each throws CheckpointError where the field is missing (and no fallback is given) or of another kind.
    JsonPlace at(const char* key) const;
    std::string string(const char* key) const;
    std::string string(const char* key, const std::string& fallback) const;
    bool flag(const char* key, bool fallback) const;
    std::int64_t integer(const char* key) const;
    std::vector<JsonPlace> list(const char* key) const;
    // The field "type".
    std::string type() const { return string("type"); }

    // Throws CheckpointError: the name, then `what`, which says what to do.
    [[noreturn]] void refuse(const std::string& what) const;

private:
    const Json* m_json;
    std::string m_name;
};

// The file's JSON object. Throws CheckpointError where it is none, or larger than `limit` bytes.
nlohmann::json readJsonObject(const std::filesystem::path& file, std::uint64_t limit);
nlohmann::json parseJsonObject(const std::string& bytes, const std::string& name);

} // namespace fovea
