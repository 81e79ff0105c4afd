#include "core/trace/file_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>
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
    Descriptor(Descriptor&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(m_fd, other.m_fd);
        return *this;
    }

    bool open() const { return m_fd >= 0; }
    // Held until the descriptor closes, or its process dies. False: another holds it.
    bool lock() const { return ::flock(m_fd, LOCK_EX | LOCK_NB) == 0; }
    // False once the file has been removed under its last name.
    bool named() const {
        struct stat status {};
        return ::fstat(m_fd, &status) == 0 && status.st_nlink > 0;
    }
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

constexpr std::string_view kPrefix = ".fovea-", kSuffix = ".part";

// A file of its own that is removed unless it has been given its name.
class TemporaryFile {
public:
    // For a file called `target`.
    explicit TemporaryFile(const std::filesystem::path& target)
        : TemporaryFile(target.parent_path(), target) {}
    // In `folder`; an error names `target`.
    TemporaryFile(const std::filesystem::path& folder, const std::filesystem::path& target) {
        static std::atomic<unsigned> next{0};
        // Between the file's making and its lock another program may take it for a leftover: then once more.
        for (int attempt = 0; attempt < 100; ++attempt) {
            m_path = folder / (std::string(kPrefix) + std::to_string(::getpid()) + "-" +
                               std::to_string(next++) + std::string(kSuffix));
            m_file = Descriptor(::open(m_path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
            if (!m_file.open() && errno == EEXIST)
                continue; // of a dead process that had our number
            if (!m_file.open())
                fail(target, errno);
            const bool locked = m_file.lock() || errno == ENOLCK || errno == EOPNOTSUPP;
            if (locked && m_file.named())
                return;
        }
        fail(target, EAGAIN);
    }
    ~TemporaryFile() {
        if (!m_path.empty())
            ::unlink(m_path.c_str());
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;

    const Descriptor& file() const { return m_file; }
    const std::filesystem::path& path() const { return m_path; }
    // 0, or the error. The lock is held until the name is taken.
    int rename(const std::filesystem::path& target) {
        if (::rename(m_path.c_str(), target.c_str()) != 0)
            return errno;
        m_path.clear();
        return m_file.close();
    }

private:
    std::filesystem::path m_path;
    Descriptor m_file{-1};
};

void removeLeftoversOnce(const std::filesystem::path& folder) {
    static std::mutex mutex;
    static std::set<std::filesystem::path> cleaned;
    std::error_code ignored;
    const auto name = std::filesystem::absolute(folder, ignored);
    const std::lock_guard lock(mutex);
    if (cleaned.insert(name).second)
        removeLeftovers(folder);
}

std::filesystem::path folderOf(const std::filesystem::path& file) {
    return file.has_parent_path() ? file.parent_path() : ".";
}

// Without this a crash of the machine might forget the rename. Some file systems cannot; then it is as it is.
void syncFolder(const std::filesystem::path& folder) {
    const Descriptor d(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (d.open())
        d.sync();
}

void writeDirectly(const std::filesystem::path& path, std::span<const std::string_view> parts) {
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.open())
        fail(path, errno);
    int error = 0;
    for (const std::string_view part : parts)
        error = error ? error : file.write(part);
    if (error || (error = file.close()))
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
    writeFile(path, std::span<const std::string_view>(&content, 1));
}

void writeFile(const std::filesystem::path& path, std::span<const std::string_view> parts) {
    struct stat status {};
    const bool exists = ::stat(path.c_str(), &status) == 0;
    if (exists && S_ISDIR(status.st_mode))
        fail(path, EISDIR);
    if (exists && !S_ISREG(status.st_mode))
        return writeDirectly(path, parts);

    const auto target = exists ? behindLinks(path) : path;
    removeLeftoversOnce(folderOf(target));
    TemporaryFile temporary(target);
    int error = 0;
    for (const std::string_view part : parts)
        error = error ? error : temporary.file().write(part);
    // A full disk may show only here.
    if (!error)
        error = temporary.file().sync();
    if (!error && exists && ::chmod(temporary.path().c_str(), status.st_mode & 07777) != 0)
        error = errno;
    if (!error)
        error = temporary.rename(target);
    if (error)
        fail(path, error);
    syncFolder(folderOf(target));
}

bool isTemporary(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    if (name.size() <= kPrefix.size() + kSuffix.size() || !name.starts_with(kPrefix) ||
        !name.ends_with(kSuffix))
        return false;
    const std::string_view numbers =
        std::string_view(name).substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
    return numbers.find_first_not_of("0123456789-") == numbers.npos;
}

int removeLeftovers(const std::filesystem::path& folder) {
    int removed = 0;
    std::error_code error;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code ignored;
        if (!isTemporary(it->path()) ||
            it->symlink_status(ignored).type() != std::filesystem::file_type::regular)
            continue;
        const Descriptor left(::open(it->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
        if (left.open() && left.lock())
            removed += ::unlink(it->path().c_str()) == 0;
    }
    return removed;
}

void requireWritable(const std::filesystem::path& folder) {
    removeLeftoversOnce(folder);
    const TemporaryFile probe(folder, folder);
    if (const int error = probe.file().write("fovea"))
        fail(folder, error);
}

void removeFile(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT)
            return;
        throw ExportError("cannot remove " + path.string() + ": " + std::generic_category().message(errno));
    }
    syncFolder(folderOf(path));
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
