#include "core/tokenizer/json_place.h"

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"

namespace fovea {

bool JsonPlace::has(const char* key) const {
    return m_json->is_object() && m_json->contains(key) && !(*m_json)[key].is_null();
}

JsonPlace JsonPlace::at(const char* key) const {
    if (!has(key))
        refuse(std::string(key) + " is missing; copy the file again");
    return {(*m_json)[key], m_name + (m_name.ends_with(':') ? " " : ".") + key};
}

std::string JsonPlace::string(const char* key) const {
    const JsonPlace place = at(key);
    if (!place.m_json->is_string())
        place.refuse("is no string; copy the file again");
    return place.m_json->get<std::string>();
}

std::string JsonPlace::string(const char* key, const std::string& fallback) const {
    return has(key) ? string(key) : fallback;
}

bool JsonPlace::flag(const char* key, bool fallback) const {
    if (!has(key))
        return fallback;
    const JsonPlace place = at(key);
    if (!place.m_json->is_boolean())
        place.refuse("is neither true nor false; copy the file again");
    return place.m_json->get<bool>();
}

std::int64_t JsonPlace::integer(const char* key) const {
    const JsonPlace place = at(key);
    if (!place.m_json->is_number_integer())
        place.refuse("is no whole number; copy the file again");
    return place.m_json->get<std::int64_t>();
}

std::vector<JsonPlace> JsonPlace::list(const char* key) const {
    const JsonPlace place = at(key);
    if (!place.m_json->is_array())
        place.refuse("is no list; copy the file again");
    std::vector<JsonPlace> found;
    for (std::size_t i = 0; i < place.m_json->size(); ++i)
        found.emplace_back((*place.m_json)[i], place.m_name + '[' + std::to_string(i) + ']');
    return found;
}

void JsonPlace::refuse(const std::string& what) const {
    throw CheckpointError(m_name + ' ' + what);
}

nlohmann::json readJsonObject(const std::filesystem::path& file, std::uint64_t limit) {
    return parseJsonObject(readFile(file, limit), file.string());
}

nlohmann::json parseJsonObject(const std::string& bytes, const std::string& name) {
    nlohmann::json json = nlohmann::json::parse(bytes, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object())
        throw CheckpointError(name + ": not a JSON object; copy the file again");
    return json;
}

} // namespace fovea
