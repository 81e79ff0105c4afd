#pragma once
// printf's formats, for tables of results.

#include <cstdio>
#include <string>

namespace fovea {

// At most 511 bytes; what is longer is cut.
std::string lineText(const char* format, auto... values) {
    char line[512];
    std::snprintf(line, sizeof line, format, values...);
    return line;
}

} // namespace fovea
