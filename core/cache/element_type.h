#pragma once
// The float types in which weights and cached rows are held.

#include <cstdint>
#include <string_view>

namespace fovea {

enum class ElementType : std::uint8_t { F32, F16, BF16 };

constexpr int elementBytes(ElementType type) {
    return type == ElementType::F32 ? 4 : 2;
}

constexpr std::string_view elementName(ElementType type) {
    switch (type) {
    case ElementType::F32:
        return "f32";
    case ElementType::F16:
        return "f16";
    case ElementType::BF16:
        return "bf16";
    }
    return "";
}

} // namespace fovea
