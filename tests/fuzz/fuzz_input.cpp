#include "tests/fuzz/fuzz_input.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

namespace fovea::fuzz {

namespace {

constexpr std::size_t kLongestMessage = 1500; // a plan that is refused is told every accepted word

[[noreturn]] void noFile(const char* what) {
    throw std::runtime_error(std::string("no file in memory: ") + what + ": " + std::strerror(errno));
}

} // namespace

MemoryFile::MemoryFile(std::string_view bytes) : m_descriptor(::memfd_create("fuzz", MFD_CLOEXEC)) {
    if (m_descriptor < 0)
        noFile("memfd_create");
    for (std::size_t written = 0; written < bytes.size();) {
        const ssize_t count = ::write(m_descriptor, bytes.data() + written, bytes.size() - written);
        if (count < 0) {
            ::close(m_descriptor);
            noFile("write");
        }
        written += static_cast<std::size_t>(count);
    }
    m_path = "/proc/self/fd/" + std::to_string(m_descriptor);
}

MemoryFile::~MemoryFile() {
    ::close(m_descriptor);
}

Folder::Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "fovea-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr)
        throw std::runtime_error(name + ": cannot be made");
    m_path = name;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(m_path, ignored);
}

void Folder::clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(m_path))
        std::filesystem::remove(entry);
}

void Folder::put(const char* file, std::string_view bytes) const {
    std::filesystem::remove(m_path / file); // a new one: the last may still be mapped
    std::ofstream out(m_path / file, std::ios::binary);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush())
        throw std::runtime_error((m_path / file).string() + ": cannot be written");
}

void requireOneLine(std::string_view message) {
    if (message.empty() || message.size() > kLongestMessage)
        throw Finding("a refusal of " + std::to_string(message.size()) + " bytes");
    for (const char c : message)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            throw Finding("a refusal with a control character: " + std::string(message));
}

} // namespace fovea::fuzz
