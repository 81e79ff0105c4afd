#pragma once
// What the fuzz targets share: bytes as a file, and what a refusal must look like.

#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/model/checkpoint_error.h"

namespace fovea::fuzz {

// A reader broke a promise. Nothing catches it: under libFuzzer it is a finding, in the replay a failed test.
class Finding : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

// A file that lives in memory. Readers want a path.
class MemoryFile {
public:
    explicit MemoryFile(std::string_view bytes);
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    const std::filesystem::path& path() const { return m_path; }

private:
    int m_descriptor = -1;
    std::filesystem::path m_path;
};

// Throws Finding unless it is one short line without control characters, which a terminal would obey.
void requireOneLine(std::string_view message);

// Whether `read` went through. A refusal is a CheckpointError of one line; whatever else is thrown escapes.
template <class Read>
bool accepted(Read read) {
    try {
        read();
    } catch (const CheckpointError& error) {
        requireOneLine(error.what());
        return false;
    }
    return true;
}

} // namespace fovea::fuzz
