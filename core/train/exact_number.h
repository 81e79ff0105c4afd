#pragma once
// Numbers of JSON that may lie. The library makes an integer of any number, and of one that does not fit whatever the
// machine makes of it.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <type_traits>
#include <utility>

namespace fovea {

// Throws std::exception for what is no Number: a whole one with a fraction or beyond its type, a text.
template <class Number>
Number exactNumber(const nlohmann::ordered_json& json) {
    if constexpr (std::is_integral_v<Number> && !std::is_same_v<Number, bool>) {
        const bool fits = json.is_number_unsigned()
                              ? std::in_range<Number>(json.get<std::uint64_t>())
                              : json.is_number_integer() && std::in_range<Number>(json.get<std::int64_t>());
        if (!fits)
            throw std::runtime_error("no whole number that fits");
    }
    return json.get<Number>();
}

} // namespace fovea
