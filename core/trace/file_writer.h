#pragma once
// Exports are whole or not there at all: what is written goes to a temporary file in the same folder, which
// takes the name only when every byte is on the disk.

#include <filesystem>
#include <stdexcept>
#include <string_view>

namespace fovea {

// what() is one line: which file, and the system's reason ("No space left on device").
class ExportError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Replaces or creates `path`. On failure nothing is left behind and an earlier file of that name is
// untouched. A path that names a device or a pipe is written directly, for there is nothing to keep whole.
// Throws ExportError.
void writeFile(const std::filesystem::path& path, std::string_view content);

// Creates `folder` and its parents where missing. Throws ExportError.
void makeFolder(const std::filesystem::path& folder);

} // namespace fovea
