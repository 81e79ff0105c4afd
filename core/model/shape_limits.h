#pragma once
// What no transformer's shape can be, whatever the file that claims it.

#include <optional>
#include <string>

#include "core/model/model_spec.h"

namespace fovea {

// Why the counts make no transformer - zero, negative, absurd, heads that do not divide - or nothing. Within
// these limits every product of three of them fits 64 bits.
std::optional<std::string> shapeRefusal(const ModelSpec& spec);

} // namespace fovea
