#pragma once
// Files are whole or not there at all: what is written goes to a temporary file in the same folder, which
// takes the name only when every byte is on the disk.
//
// A program that is killed meanwhile leaves the temporary file, ".fovea-<process>-<n>.part". It is locked for
// as long as its writer lives, so that the next program that writes to the folder can tell what was left
// behind, and removes it.

#include <filesystem>
#include <span>
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
// The same of several parts, one after the other.
void writeFile(const std::filesystem::path& path, std::span<const std::string_view> parts);

// Whether a file of that name is a temporary one of some writer, living or not.
bool isTemporary(const std::filesystem::path& path);
// Removes the temporary files in `folder` whose writers are dead; how many. The first write to a folder does
// this by itself.
int removeLeftovers(const std::filesystem::path& folder);

// Finds out by writing. Throws ExportError when nothing can be written to `folder`.
void requireWritable(const std::filesystem::path& folder);

// Removes a file, on the disk too; one that is not there is no failure. Throws ExportError.
void removeFile(const std::filesystem::path& path);

// Creates `folder` and its parents where missing. Throws ExportError.
void makeFolder(const std::filesystem::path& folder);

} // namespace fovea
