#include "core/model/huggingface/config_fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"
#include "core/model/quoted_name.h"

namespace fovea {

namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestConfig = 1 << 20;
constexpr const char* kAdvice = "; copy the model's config.json again";

// A value from the file, short enough for an error of one line.
std::string shown(const Json& json) {
    const std::string text = json.dump(-1, ' ', true, Json::error_handler_t::replace);
    return text.size() > 60 ? text.substr(0, 60) + "…" : text;
}

// Parts of names of fields that say what a transformer computes, in any of the many architectures.
constexpr std::array kMathematics = {
    "rope",        "rotary",     "attn",    "attention", "norm",    "bias",   "scal",
    "multip",      "softcap",    "window",  "expert",    "moe",     "quant",  "position",
    "resid",       "activation", "_act",    "alibi",     "embed",   "head",   "layer_types",
    "causal",      "direction",  "sparse",  "lora",      "adapter", "shared", "compress",
    "temperature", "cross",      "encoder", "project",   "logit",   "clip"};
// Parts of names of fields that do not, whatever else is in the name.
constexpr std::array kTrainingOnly = {"drop", "init", "implementation", "loss"};

bool namesAny(std::string_view key, std::span<const char* const> parts) {
    return std::any_of(parts.begin(), parts.end(),
                       [&](const char* part) { return key.find(part) != std::string_view::npos; });
}

bool isNeutral(const Json& value) {
    return value.is_null() || value == Json(false) || (value.is_number() && value == Json(0)) ||
           (value.is_structured() && value.empty());
}

} // namespace

ConfigFields::ConfigFields(std::filesystem::path file)
    : m_file(std::move(file)),
      m_json(Json::parse(readFile(m_file, kLargestConfig), nullptr, /*allow_exceptions=*/false)) {
    if (!m_json.is_object())
        throw CheckpointError(m_file.string() + ": not a JSON object" + kAdvice);
}

ConfigFields::ConfigFields(std::filesystem::path file, Json object, std::string name)
    : m_file(std::move(file)), m_json(std::move(object)), m_name(std::move(name)) {}

void ConfigFields::refuse(const std::string& what) const {
    throw CheckpointError(m_file.string() + ": " + what);
}

void ConfigFields::refuseValue(const char* key, const std::string& supported) const {
    refuse(named(key) + " " + (m_json.contains(key) ? shown(m_json[key]) : "(none)") +
           " is not supported; only " + supported);
}

bool ConfigFields::has(const char* key) const {
    m_read.insert(key);
    return m_json.contains(key) && !m_json[key].is_null();
}

bool ConfigFields::isNull(const char* key) const {
    m_read.insert(key);
    return m_json.contains(key) && m_json[key].is_null();
}

int ConfigFields::integer(const char* key) const {
    if (!has(key) || !m_json[key].is_number_integer())
        refuse(named(key) + " is missing or no whole number" + kAdvice);
    const Json& value = m_json[key];
    const bool fits = value.is_number_unsigned()
                          ? value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<int>::max()}
                          : value.get<std::int64_t>() >= std::numeric_limits<int>::min();
    if (!fits)
        refuse(named(key) + " of " + value.dump() + " makes no sense" + kAdvice);
    return value.get<int>();
}

double ConfigFields::number(const char* key) const {
    if (!has(key) || !m_json[key].is_number() || !std::isfinite(m_json[key].get<double>()))
        refuse(named(key) + " is missing or no number" + kAdvice);
    return m_json[key].get<double>();
}

bool ConfigFields::flag(const char* key, bool fallback) const {
    if (!has(key))
        return fallback;
    if (!m_json[key].is_boolean())
        refuse(named(key) + " is neither true nor false" + kAdvice);
    return m_json[key].get<bool>();
}

std::string ConfigFields::word(const char* key) const {
    if (!has(key) || !m_json[key].is_string())
        refuse(named(key) + " is missing or no text" + kAdvice);
    return m_json[key].get<std::string>();
}

std::vector<std::string> ConfigFields::words(const char* key) const {
    std::vector<std::string> all;
    if (!has(key) || !m_json[key].is_array())
        refuse(named(key) + " is missing or no list" + kAdvice);
    for (const Json& one : m_json[key]) {
        if (!one.is_string())
            refuse(named(key) + " is no list of words" + kAdvice);
        all.push_back(one.get<std::string>());
    }
    return all;
}

ConfigFields ConfigFields::object(const char* key) const {
    if (!has(key) || !m_json[key].is_object())
        refuse(named(key) + " is missing or no object" + kAdvice);
    return {m_file, m_json[key], named(key)};
}

void ConfigFields::only(const char* key, const Json& supported) const {
    if (has(key) && m_json[key] != supported)
        refuseValue(key, supported.dump() + " is");
}

void ConfigFields::refuseUnread() const {
    for (const auto& [key, value] : m_json.items())
        if (!m_read.contains(key))
            refuse(named(quotedName(key)) + " is not understood; use a model without it");
}

void ConfigFields::refuseUnreadMathematics() const {
    for (const auto& [key, value] : m_json.items())
        if (!m_read.contains(key) && namesAny(key, kMathematics) && !namesAny(key, kTrainingOnly) &&
            !isNeutral(value))
            refuse(named(quotedName(key)) + " " + shown(value) +
                   " is not understood and may change what the model computes; use a model without it");
}

} // namespace fovea
