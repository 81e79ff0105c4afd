#pragma once
// Names that a file claims, made fit for an error of one line.

#include <string>
#include <string_view>

namespace fovea {

// Control characters as '?', which a terminal would obey.
std::string withoutControls(std::string_view text);
// The same in single quotes, at most 80 bytes of it.
std::string quotedName(std::string_view name);

} // namespace fovea
