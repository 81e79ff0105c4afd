#include "core/model/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/model/checked_file.h"
#include "core/model/checkpoint_error.h"

namespace fovea {

MappedFile::MappedFile(const std::filesystem::path& file) {
    fileSize(file); // refuses what is missing or no regular file: opening a pipe would wait
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    void* begin = MAP_FAILED;
    if (descriptor >= 0 && ::fstat(descriptor, &status) == 0) {
        // Of the file that was opened, which need not be the one that was looked at.
        m_size = S_ISREG(status.st_mode) ? static_cast<std::size_t>(status.st_size) : 0;
        if (m_size > 0)
            begin = ::mmap(nullptr, m_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    const int code = errno;
    if (descriptor >= 0)
        ::close(descriptor);
    if (begin == MAP_FAILED && (descriptor < 0 || m_size > 0))
        throw CheckpointError(file.string() + ": cannot be read: " + std::strerror(code));
    if (begin != MAP_FAILED)
        m_begin = static_cast<const std::byte*>(begin);
}

void MappedFile::forget(std::span<const std::byte> part) const {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto offset = static_cast<std::size_t>(part.data() - m_begin);
    const std::size_t first = (offset + page - 1) / page * page, last = (offset + part.size()) / page * page;
    if (first < last) // a hint: what does not work costs memory and nothing else
        ::madvise(const_cast<std::byte*>(m_begin + first), last - first, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
    if (m_begin != nullptr)
        ::munmap(const_cast<std::byte*>(m_begin), m_size);
}

} // namespace fovea
