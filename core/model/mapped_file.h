#pragma once
// A file's bytes, read only, without a copy: pages come from the disk when they are first looked at, and go
// when memory is short.

#include <cstddef>
#include <filesystem>
#include <span>

namespace fovea {

// Shared by everything that points into it. A file that is shortened meanwhile ends the program (SIGBUS), so
// writers must replace files and not rewrite them, as checked_file.h does.
class MappedFile {
public:
    // A regular file. Throws CheckpointError.
    explicit MappedFile(const std::filesystem::path& file);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {m_begin, m_size}; }
    // Of a part of bytes() that was copied: its whole pages leave memory. They come back when looked at.
    void forget(std::span<const std::byte> part) const;

private:
    const std::byte* m_begin = nullptr;
    std::size_t m_size = 0;
};

} // namespace fovea
