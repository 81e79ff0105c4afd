#pragma once
// An object of a JSON file that may lie: every field is asked for by name, kind and range, and what is wrong is one
// line that names the place. Internal to the readers of JSON.

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "core/trace/run_json.h"

namespace fovea {

using Json = nlohmann::json;

class JsonFields {
public:
    // `place` begins the errors: a file's name, and within it the way to this object.
    JsonFields(const Json& object, std::string place) : m_object(object), m_place(std::move(place)) {
        if (!object.is_object())
            throw RunFileError(m_place + ": not an object; the file is none of Fovea's, or damaged");
    }

    [[noreturn]] void refuse(const std::string& name, const std::string& what) const {
        throw RunFileError(m_place + ": \"" + name + "\" " + what + "; the file is damaged, or of another program");
    }

    bool has(const char* name) const { return m_object.contains(name); }
    bool null(const char* name) const { return field(name).is_null(); }

    JsonFields object(const char* name) const {
        const Json& value = field(name);
        if (!value.is_object())
            refuse(name, "is not an object");
        return {value, m_place + ": " + name};
    }
    JsonFields element(const Json& value, const char* name, std::size_t number) const {
        if (!value.is_object())
            refuse(name, "has something else than objects, at number " + std::to_string(number));
        return {value, m_place + ": " + name + " " + std::to_string(number)};
    }
    // At most `most` elements.
    const Json& array(const char* name, std::size_t most) const {
        const Json& value = field(name);
        if (!value.is_array())
            refuse(name, "is not a list");
        if (value.size() > most)
            refuse(name, "has " + std::to_string(value.size()) + " entries where at most " +
                             std::to_string(most) + " make sense");
        return value;
    }
    std::int64_t integer(const char* name, std::int64_t low, std::int64_t high) const {
        return integer(field(name), name, low, high);
    }
    std::int64_t integer(const Json& value, const char* name, std::int64_t low, std::int64_t high) const {
        // Beyond 2^63 only an unsigned number goes, and nothing here does.
        const bool large = value.is_number_unsigned() &&
                           value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()};
        if (!value.is_number_integer() || large || value.get<std::int64_t>() < low || value.get<std::int64_t>() > high)
            refuse(name, "is no whole number from " + std::to_string(low) + " to " + std::to_string(high));
        return value.get<std::int64_t>();
    }
    // Finite and not negative.
    double number(const char* name) const {
        const Json& value = field(name);
        if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < 0)
            refuse(name, "is no number from 0 on");
        return value.get<double>();
    }
    // The same; JSON has no infinity, and null is written for it.
    double numberOrInfinite(const char* name) const { return numberOrInfinite(field(name), name); }
    double numberOrInfinite(const Json& value, const char* name) const {
        if (value.is_null())
            return std::numeric_limits<double>::infinity();
        if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < 0)
            refuse(name, "is no number from 0 on");
        return value.get<double>();
    }
    bool boolean(const char* name) const {
        const Json& value = field(name);
        if (!value.is_boolean())
            refuse(name, "is neither true nor false");
        return value.get<bool>();
    }
    // At most `most` bytes.
    std::string text(const char* name, std::size_t most) const { return text(field(name), name, most); }
    std::string text(const Json& value, const char* name, std::size_t most) const {
        if (!value.is_string())
            refuse(name, "is not a text");
        const auto& text = value.get_ref<const std::string&>();
        if (text.size() > most)
            refuse(name, "is a text of " + std::to_string(text.size()) + " bytes where at most " +
                             std::to_string(most) + " make sense");
        return text;
    }

private:
    const Json& field(const char* name) const {
        const auto found = m_object.find(name);
        if (found == m_object.end())
            refuse(name, "is missing");
        return *found;
    }

    const Json& m_object;
    const std::string m_place;
};

} // namespace fovea
