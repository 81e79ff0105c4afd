#pragma once
// Pieces that the JSON writers share. Internal to the writers: headers for others return text.

#include <nlohmann/json.hpp>

#include <string>

#include "core/cache/traffic.h"
#include "core/engine/run.h"

namespace fovea {

using Json = nlohmann::ordered_json;

// Every component, zeros too, so that readers and tables see the same columns at each step.
inline Json componentsJson(const Traffic& traffic) {
    Json parts = Json::object();
    for (int i = 0; i < kComponents; ++i)
        parts[std::string(kComponentNames[static_cast<std::size_t>(i)])] = traffic[static_cast<Component>(i)];
    return parts;
}

inline Json bytesJson(const Traffic& formula, const Traffic& counted) {
    return {{"formula", componentsJson(formula)}, {"counted", componentsJson(counted)}};
}

// Plain totals, as the command line promises; the split by component stands beside them.
inline Json heldJson(const Held& held) {
    return {{"formula", held.formula.attention()},
            {"counted", held.counted.attention()},
            {"reserved", held.reserved},
            {"on_device", held.onDevice},
            {"components", bytesJson(held.formula, held.counted)}};
}

// Text that came from a model need not be UTF-8, JSON must be: bytes that are not become U+FFFD.
inline std::string jsonText(const Json& json, int indent) {
    return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace fovea
