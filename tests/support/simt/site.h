#pragma once
// Where in a kernel something happened, for messages.

#include <cstring>
#include <string>

namespace fovea::simt {

struct Site {
    const char* file = "";
    const char* function = "";
    int line = 0;

    // As a default argument, this is the place of the call. C++17 has no std::source_location.
    static constexpr Site here(const char* file = __builtin_FILE(),
                               const char* function = __builtin_FUNCTION(), int line = __builtin_LINE()) {
        return {file, function, line};
    }

    std::string text() const {
        return std::string(file) + ":" + std::to_string(line) + " (" + function + ")";
    }

    bool operator==(const Site& other) const {
        return line == other.line && std::strcmp(file, other.file) == 0;
    }
    bool operator!=(const Site& other) const { return !(*this == other); }
};

}  // namespace fovea::simt
