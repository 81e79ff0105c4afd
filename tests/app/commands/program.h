#pragma once
// The real program, as a user would start it.

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace fovea {

inline ProcessResult fovea(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
    arguments.insert(arguments.begin(), FOVEA_PROGRAM);
    return runProcess(arguments, options);
}

// One line, ended, that begins with the program's name.
inline bool isOneErrorLine(const std::string& text) {
    return text.starts_with("fovea: ") && std::count(text.begin(), text.end(), '\n') == 1 &&
           text.ends_with('\n');
}

} // namespace fovea
