#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "core/trace/file_writer.h"
#include "tests/support/temporary_folder.h"

using namespace fovea;

namespace {

// While it lives no file of this process may grow beyond `bytes`; writes then fail as on a full disk.
class FileSizeLimit {
public:
    explicit FileSizeLimit(rlim_t bytes) : m_handler(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &m_before);
        const rlimit limit{bytes, m_before.rlim_max};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        setrlimit(RLIMIT_FSIZE, &m_before);
        std::signal(SIGXFSZ, m_handler);
    }

private:
    rlimit m_before{};
    void (*m_handler)(int);
};

std::string failureOf(const std::filesystem::path& path, const std::string& content) {
    try {
        writeFile(path, content);
    } catch (const ExportError& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("A file is written whole, over an earlier one too", "[core.trace]") {
    const TemporaryFolder folder;
    const std::string content("a\0b\r\n", 5);
    writeFile(folder / "a.csv", content);
    CHECK(contentOf(folder / "a.csv") == content);
    writeFile(folder / "a.csv", "shorter");
    CHECK(contentOf(folder / "a.csv") == "shorter");
    writeFile(folder / "empty", "");
    CHECK(std::filesystem::file_size(folder / "empty") == 0);
    CHECK(folder.entries() == 2);
}

TEST_CASE("A disk that fills up leaves the earlier file, and nothing else", "[core.trace]") {
    const TemporaryFolder folder;
    writeFile(folder / "a.csv", "earlier");
    std::string message, fresh;
    {
        const FileSizeLimit limit(4096);
        message = failureOf(folder / "a.csv", std::string(100000, 'x'));
        fresh = failureOf(folder / "b.csv", std::string(100000, 'x'));
    }
    CHECK(message.find("a.csv") != message.npos);
    CHECK(message.find("File too large") != message.npos);
    CHECK(message.find('\n') == message.npos);
    CHECK(fresh.find("b.csv") != fresh.npos);
    CHECK(contentOf(folder / "a.csv") == "earlier");
    CHECK(folder.entries() == 1);
}

TEST_CASE("A full device says so, and is still a device afterwards", "[core.trace]") {
    const std::string message = failureOf("/dev/full", "content");
    CHECK(message == "cannot write /dev/full: No space left on device");
    struct stat status {};
    REQUIRE(::stat("/dev/full", &status) == 0);
    CHECK(S_ISCHR(status.st_mode));
}

TEST_CASE("A name that cannot be written is named with the reason", "[core.trace]") {
    const TemporaryFolder folder;
    CHECK(failureOf(folder / "no/such/a.csv", "x").find("No such file or directory") != std::string::npos);
    CHECK(failureOf(folder.path(), "x").find("Is a directory") != std::string::npos);
    putContent(folder / "file", "");
    CHECK(failureOf(folder / "file/a.csv", "x").find("Not a directory") != std::string::npos);
    CHECK_THROWS_AS(makeFolder(folder / "file"), ExportError);
    CHECK_THROWS_AS(makeFolder(folder / "file/below"), ExportError);
    makeFolder(folder / "one/two");
    makeFolder(folder / "one/two");
    CHECK(std::filesystem::is_directory(folder / "one/two"));
}

TEST_CASE("A link keeps pointing and its target is replaced, permissions kept", "[core.trace]") {
    const TemporaryFolder folder;
    putContent(folder / "target", "earlier");
    ::chmod((folder / "target").c_str(), 0640);
    std::filesystem::create_symlink("target", folder / "link");
    writeFile(folder / "link", "new");
    CHECK(std::filesystem::is_symlink(folder / "link"));
    CHECK(contentOf(folder / "target") == "new");
    struct stat status {};
    REQUIRE(::stat((folder / "target").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0640);
}

TEST_CASE("What a killed program left behind goes, what is being written stays", "[core.trace]") {
    const TemporaryFolder folder;
    CHECK(isTemporary(".fovea-12-0.part"));
    for (const char* other :
         {"fovea-12-0.part", ".fovea-12-0.par", ".fovea-notes.part", ".fovea-.part", "a.csv"})
        CHECK_FALSE(isTemporary(other));
    putContent(folder / ".fovea-12-0.part", "half");
    putContent(folder / ".fovea-12-1.part", "being written");
    putContent(folder / ".fovea-notes.part", "somebody's");
    std::filesystem::create_directory(folder / ".fovea-12-2.part");
    const int living = ::open((folder / ".fovea-12-1.part").c_str(), O_WRONLY);
    REQUIRE(::flock(living, LOCK_EX | LOCK_NB) == 0);
    writeFile(folder / "a.csv", "whole"); // the first write here clears up
    CHECK(folder.entries() == 4);
    CHECK_FALSE(std::filesystem::exists(folder / ".fovea-12-0.part"));
    CHECK(contentOf(folder / ".fovea-12-1.part") == "being written");
    ::close(living);
    CHECK(removeLeftovers(folder.path()) == 1);
    CHECK(removeLeftovers(folder.path()) == 0);
    CHECK(removeLeftovers(folder / "none") == 0);
    CHECK(folder.entries() == 3);
}

TEST_CASE("Whether a folder can be written to is found out without a trace", "[core.trace]") {
    const TemporaryFolder folder;
    requireWritable(folder.path());
    CHECK(folder.entries() == 0);
    CHECK_THROWS_AS(requireWritable(folder / "none"), ExportError);
    CHECK_THROWS_WITH(requireWritable("/proc/self"), Catch::StartsWith("cannot write /proc/self: "));
    CHECK_THROWS_AS(requireWritable("/proc/self"), ExportError);
}
