#include "core/trace/file_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace fovea {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
    throw ExportError("cannot write " + path.string() + ": " + std::generic_category().message(error));
}

// A descriptor that closes itself; close() reports what the disk had to say last.
class Descriptor {
public:
    explicit Descriptor(int fd) : m_fd(fd) {}
    ~Descriptor() {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    bool open() const { return m_fd >= 0; }
    // 0, or the error.
    int write(std::string_view content) const {
        while (!content.empty()) {
            const ssize_t n = ::write(m_fd, content.data(), content.size());
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                return n < 0 ? errno : EIO;
            content.remove_prefix(static_cast<std::size_t>(n));
        }
        return 0;
    }
    int sync() const { return ::fsync(m_fd) == 0 ? 0 : errno; }
    int close() { return ::close(std::exchange(m_fd, -1)) == 0 ? 0 : errno; }

private:
    int m_fd;
};

std::filesystem::path temporaryBeside(const std::filesystem::path& path) {
    static std::atomic<unsigned> next{0};
    return path.parent_path() /
           (".fovea-" + std::to_string(::getpid()) + "-" + std::to_string(next++) + ".part");
}

// Without this a crash of the machine might forget the rename. Some file systems cannot; then it is as it is.
void syncFolder(const std::filesystem::path& folder) {
    const Descriptor d(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (d.open())
        d.sync();
}

void writeDirectly(const std::filesystem::path& path, std::string_view content) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.open())
        fail(path, errno);
    if (int error = file.write(content); error || (error = file.close()))
        fail(path, error);
}

// What a link points at is replaced, not the link.
std::filesystem::path behindLinks(const std::filesystem::path& path) {
    std::error_code ignored;
    const auto target = std::filesystem::canonical(path, ignored);
    return target.empty() ? path : target;
}

} // namespace

void writeFile(const std::filesystem::path& path, std::string_view content) {
    struct stat status {};
    const bool exists = ::stat(path.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        fail(path, EISDIR);
    if (exists && !S_ISREG(status.st_mode))
        return writeDirectly(path, content);

    const auto target = exists ? behindLinks(path) : path;
    const auto temporary = temporaryBeside(target);
    Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    if (!file.open())
        fail(path, errno);
    int error = file.write(content);
    if (!error)
        error = file.sync();
    if (!error && exists && ::chmod(temporary.c_str(), status.st_mode & 07777) != 0)
        error = errno;
    if (const int closing = file.close(); !error)
        error = closing;
    if (!error && ::rename(temporary.c_str(), target.c_str()) != 0)
        error = errno;
    if (error) {
        ::unlink(temporary.c_str());
        fail(path, error);
    }
    syncFolder(target.parent_path());
}

void makeFolder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error && !std::filesystem::is_directory(folder, error) && !error)
        error = std::make_error_code(std::errc::not_a_directory);
    if (error)
        throw ExportError("cannot make the folder " + folder.string() + ": " + error.message());
}

} // namespace fovea
