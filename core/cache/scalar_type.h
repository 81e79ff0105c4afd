#pragma once
// The same three float types in libtorch's words.

#include <c10/core/ScalarType.h>

#include <optional>

#include "core/cache/element_type.h"

namespace fovea {

constexpr c10::ScalarType scalarType(ElementType type) {
    switch (type) {
    case ElementType::F32:
        return c10::ScalarType::Float;
    case ElementType::F16:
        return c10::ScalarType::Half;
    case ElementType::BF16:
        return c10::ScalarType::BFloat16;
    }
    return c10::ScalarType::Undefined;
}

// Nothing when Fovea holds no weights of that type.
constexpr std::optional<ElementType> elementType(c10::ScalarType type) {
    switch (type) {
    case c10::ScalarType::Float:
        return ElementType::F32;
    case c10::ScalarType::Half:
        return ElementType::F16;
    case c10::ScalarType::BFloat16:
        return ElementType::BF16;
    default:
        return std::nullopt;
    }
}

} // namespace fovea
