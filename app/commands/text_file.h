#pragma once
// A text that an option names.

#include <string>

namespace fovea {

// The file `name`, or standard input where it is "-"; at most 64 MiB. Throws UsageError, which calls it
// `option`.
std::string readTextFile(const std::string& name, const std::string& option);

} // namespace fovea
