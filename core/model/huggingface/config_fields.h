#pragma once
// The fields of a config.json, read one by one: what is missing or of another kind is refused by its name,
// and what was never asked for can be told at the end.

#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace fovea {

class ConfigFields {
public:
    // The whole file, at most 1 MiB. Throws CheckpointError, as everything below does.
    explicit ConfigFields(std::filesystem::path file);
    // One of its objects, called by `name` in errors.
    ConfigFields(std::filesystem::path file, nlohmann::json object, std::string name);

    [[noreturn]] void refuse(const std::string& what) const;
    // "KEY VALUE is not supported; only … is"
    [[noreturn]] void refuseValue(const char* key, const std::string& supported) const;

    // Present and not null. Asking counts as reading, here and below.
    bool has(const char* key) const;
    int integer(const char* key) const;
    int integer(const char* key, int fallback) const { return has(key) ? integer(key) : fallback; }
    double number(const char* key) const; // finite
    double number(const char* key, double fallback) const { return has(key) ? number(key) : fallback; }
    bool flag(const char* key, bool fallback) const;
    std::string word(const char* key) const;
    std::string word(const char* key, const std::string& fallback) const {
        return has(key) ? word(key) : fallback;
    }
    std::vector<std::string> words(const char* key) const;
    ConfigFields object(const char* key) const;
    bool isObject(const char* key) const { return has(key) && m_json.at(key).is_object(); }
    bool empty() const { return m_json.empty(); }
    // An optional field is given as null, absent, or as something else.
    bool isNull(const char* key) const;
    // Absent, null or this.
    void only(const char* key, const nlohmann::json& supported) const;

    // A field that nobody asked for: any, or one whose name and value say that it changes the mathematics.
    void refuseUnread() const;
    void refuseUnreadMathematics() const;

private:
    std::string named(const std::string& key) const { return m_name.empty() ? key : m_name + "." + key; }

    std::filesystem::path m_file;
    nlohmann::json m_json;
    std::string m_name;
    mutable std::set<std::string, std::less<>> m_read;
};

} // namespace fovea
