#pragma once
// Names that a file claims, made fit for an error of one line.

#include <string>
#include <string_view>

namespace fovea {

// In single quotes, at most 80 bytes of it, control characters as '?'.
std::string quotedName(std::string_view name);

} // namespace fovea
