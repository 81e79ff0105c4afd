#include "core/model/gguf/metadata_fields.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "core/model/quoted_name.h"

namespace fovea {

void MetadataFields::refuse(std::string_view key, const std::string& rest) const {
    m_file.refuse("metadata key " + quotedName(m_prefix + std::string(key)) + " " + rest);
}

const GgufValue* MetadataFields::find(std::string_view key) const {
    const std::string whole = m_prefix + std::string(key);
    m_read.insert(whole);
    return m_file.find(whole);
}

const GgufValue& MetadataFields::required(std::string_view key) const {
    const GgufValue* value = find(key);
    if (value == nullptr)
        refuse(key, "is missing; this is not a whole model");
    return *value;
}

int MetadataFields::integer(std::string_view key) const {
    const GgufValue& value = required(key);
    std::optional<std::int64_t> number = value.integer();
    if (const auto all = value.integers(); all && !all->empty()) {
        const bool same =
            std::all_of(all->begin(), all->end(), [&](std::int64_t n) { return n == all->front(); });
        if (!same)
            refuse(key, "differs from layer to layer; such models are not supported");
        number = all->front();
    }
    if (!number || *number < 0 || *number > std::numeric_limits<int>::max())
        refuse(key, "is no whole number from 0 to 2147483647; the file is damaged, copy it again");
    return static_cast<int>(*number);
}

float MetadataFields::number(std::string_view key) const {
    const auto value = required(key).number();
    if (!value || !std::isfinite(static_cast<float>(*value)))
        refuse(key, "is no finite number; the file is damaged, copy it again");
    return static_cast<float>(*value);
}

bool MetadataFields::flag(std::string_view key, bool fallback) const {
    if (!has(key))
        return fallback;
    const auto value = required(key).boolean();
    if (!value)
        refuse(key, "is no bool; the file is damaged, copy it again");
    return *value;
}

std::string MetadataFields::word(std::string_view key, const std::string& fallback) const {
    if (!has(key))
        return fallback;
    const auto value = required(key).string();
    if (!value)
        refuse(key, "is no text; the file is damaged, copy it again");
    return std::string(*value);
}

void MetadataFields::only(std::string_view key, int supported) const {
    if (integer(key, supported) != supported)
        refuse(key, "is " + std::to_string(integer(key)) + "; only " + std::to_string(supported) +
                        " is supported");
}

void MetadataFields::only(std::string_view key, float supported) const {
    const float value = number(key, supported);
    if (value == supported)
        return;
    std::ostringstream text;
    text << "is " << value << "; only " << supported << " is supported";
    refuse(key, text.str());
}

void MetadataFields::only(std::string_view key, bool supported) const {
    if (flag(key, supported) != supported)
        refuse(key, std::string("is ") + (supported ? "false" : "true") + ", which is not supported");
}

void MetadataFields::refuseUnread() const {
    for (const auto& [key, value] : m_file.metadata())
        if (key.starts_with(m_prefix) && !m_read.contains(key))
            m_file.refuse("metadata key " + quotedName(key) +
                          " is not understood and may change the mathematics; this model is not supported");
}

} // namespace fovea
