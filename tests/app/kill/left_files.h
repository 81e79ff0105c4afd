#pragma once
// Opens every file that a killed program left in a folder, the way a user would.

#include <filesystem>
#include <string>

namespace fovea {

struct LeftFiles {
    int opened = 0, temporaries = 0;
    std::string broken; // the first that did not open, and why; empty: all did
};

LeftFiles openAll(const std::filesystem::path& folder);

} // namespace fovea
