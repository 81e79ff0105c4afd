#include "core/train/training_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>
#include <utility>

#include "core/trace/file_writer.h"

namespace fovea {

namespace {

using Json = nlohmann::ordered_json;
using Kind = TrainingEntry::Kind;

constexpr int kFormat = 1;
constexpr std::array<std::pair<Kind, std::string_view>, 5> kKinds = {{{Kind::Begun, "begun"},
                                                                      {Kind::Step, "step"},
                                                                      {Kind::HeldOut, "held_out"},
                                                                      {Kind::Resumed, "resumed"},
                                                                      {Kind::Ended, "ended"}}};

// visit(name, value) for what a line of the entry's kind holds besides the kind.
template <class Entry, class Visit>
void forEachField(Entry& e, const Visit& visit) {
    if (e.kind == Kind::Begun) {
        visit("model", e.model);
        visit("parameters", e.parameters);
        visit("total_tokens", e.totalTokens);
        visit("total_seconds", e.totalSeconds);
        return;
    }
    visit("step", e.step);
    visit("tokens", e.tokens);
    visit("seconds", e.seconds);
    if (e.kind == Kind::Step || e.kind == Kind::HeldOut)
        visit("loss", e.loss);
    if (e.kind == Kind::Step) {
        visit("done", e.done);
        visit("rate", e.rate);
        visit("sequence", e.sequence);
        visit("tokens_per_second", e.tokensPerSecond);
        visit("seconds_left", e.secondsLeft);
    }
    if (e.kind == Kind::HeldOut)
        visit("best", e.best);
    if (e.kind == Kind::Ended)
        visit("early", e.early);
}

void take(const Json& json, const char* name, std::string& value) {
    if (!json.is_string())
        throw std::runtime_error(std::string("\"") + name + "\" is no text");
    value = json.get<std::string>();
}
void take(const Json& json, const char* name, bool& value) {
    if (!json.is_boolean())
        throw std::runtime_error(std::string("\"") + name + "\" is neither true nor false");
    value = json.get<bool>();
}
// Counts, times and losses: none is negative, and none beyond what a double counts exactly.
template <class Number>
void take(const Json& json, const char* name, Number& value) {
    const double number = json.is_number() ? json.get<double>() : -1;
    constexpr double kMost = std::is_same_v<Number, int> ? 0x7fffffff : 0x1p53;
    if (!(number >= 0 && number <= kMost))
        throw std::runtime_error(std::string("\"") + name + "\" is no number that makes sense");
    value = json.get<Number>();
}

[[noreturn]] void fail(const std::filesystem::path& file, int error) {
    throw ExportError("cannot write " + file.string() + ": " + std::generic_category().message(error));
}

class OpenFile {
public:
    explicit OpenFile(const std::filesystem::path& file)
        : m_fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
    ~OpenFile() {
        if (m_fd >= 0)
            ::close(m_fd);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    int fd() const { return m_fd; }
    // As many bytes as there are, at most `most`.
    std::string read(std::uint64_t offset, std::size_t most) const {
        std::string bytes(most, '\0');
        const ssize_t n = ::pread(m_fd, bytes.data(), most, static_cast<off_t>(offset));
        bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return bytes;
    }

private:
    int m_fd;
};

} // namespace

std::string toJsonLine(const TrainingEntry& entry) {
    Json json;
    for (const auto& [kind, name] : kKinds)
        if (kind == entry.kind)
            json["kind"] = name;
    if (entry.kind == Kind::Begun)
        json["format"] = kFormat;
    forEachField(entry, [&](const char* name, const auto& value) { json[name] = value; });
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

TrainingEntry parseTrainingEntry(std::string_view line) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("kind"))
        throw std::runtime_error("not an entry of a training");
    TrainingEntry entry;
    bool known = false;
    for (const auto& [kind, name] : kKinds)
        if (json["kind"] == name) {
            entry.kind = kind;
            known = true;
        }
    if (!known)
        throw std::runtime_error("not a kind of entry that is known here");
    if (entry.kind == Kind::Begun && (!json.contains("format") || json["format"] != kFormat))
        throw std::runtime_error("of a format that is not known here; it may be a newer Fovea's");
    forEachField(entry, [&](const char* name, auto& value) {
        if (!json.contains(name))
            throw std::runtime_error(std::string("\"") + name + "\" is missing");
        take(json[name], name, value);
    });
    return entry;
}

std::filesystem::path trainingLogIn(const std::filesystem::path& out) {
    return out / "training.jsonl";
}

TrainingLog::TrainingLog(const std::filesystem::path& file)
    : m_file(file), m_fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    if (m_fd < 0)
        fail(file, errno);
    // Somebody may just be asking whether it is written to.
    for (int attempt = 0; ::flock(m_fd, LOCK_EX | LOCK_NB) != 0; ++attempt) {
        if (errno != EWOULDBLOCK || attempt == 20) {
            const bool taken = errno == EWOULDBLOCK;
            ::close(m_fd);
            if (!taken)
                fail(file, errno);
            throw ExportError(file.string() +
                              ": a training is running in this folder; name another with --out");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    m_length = ::lseek(m_fd, 0, SEEK_END);
}

TrainingLog::~TrainingLog() {
    ::close(m_fd);
}

bool TrainingLog::cutTo(std::int64_t length) {
    if (length > m_length)
        return false;
    if (::ftruncate(m_fd, length) != 0)
        fail(m_file, errno);
    m_length = length;
    return true;
}

void TrainingLog::add(std::string_view line) {
    const std::string whole = std::string(line) + '\n';
    // One call, so that a kill between two leaves no half line.
    const ssize_t n = ::write(m_fd, whole.data(), whole.size());
    if (n == static_cast<ssize_t>(whole.size())) {
        m_length += n;
        return;
    }
    const int error = n < 0 ? errno : ENOSPC;
    if (n > 0 && ::ftruncate(m_fd, m_length) != 0)
        fail(m_file, errno);
    fail(m_file, error);
}

void TrainingLog::sync() const {
    if (::fsync(m_fd) != 0)
        fail(m_file, errno);
}

bool isTrainingLogWritten(const std::filesystem::path& file) {
    const OpenFile log(file);
    return log.fd() >= 0 && ::flock(log.fd(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

void TrainingLogReader::begin() {
    m_entries.clear();
    m_last.clear();
    m_offset = 0;
}

bool TrainingLogReader::poll() {
    constexpr std::size_t kLongestLine = 4096, kAtOnce = 1 << 20;
    const auto refuse = [&](const std::string& what) {
        throw std::runtime_error(m_file.string() + ": " + what + "; open the training.jsonl of a training");
    };
    const OpenFile log(m_file);
    struct stat status {};
    if (log.fd() < 0 || ::fstat(log.fd(), &status) != 0 || !S_ISREG(status.st_mode))
        refuse("cannot be read");
    const bool same = status.st_ino == m_inode && log.read(m_offset - m_last.size(), m_last.size()) == m_last;
    const bool hadAny = !m_entries.empty();
    if (!same)
        begin();
    m_inode = status.st_ino;
    bool changed = !same && hadAny;
    for (;;) {
        const std::string bytes = log.read(m_offset, kAtOnce);
        std::size_t start = 0;
        for (std::size_t end; (end = bytes.find('\n', start)) != bytes.npos; start = end + 1) {
            try {
                m_entries.push_back(parseTrainingEntry(std::string_view(bytes).substr(start, end - start)));
            } catch (const std::runtime_error& error) {
                refuse("line " + std::to_string(m_entries.size() + 1) + " is " + error.what());
            }
            if (m_entries.size() == 1 && m_entries[0].kind != Kind::Begun)
                refuse("its first line does not say what was begun");
            m_last = bytes.substr(start, end + 1 - start);
            changed = true;
        }
        if (bytes.size() - start > kLongestLine)
            refuse("line " + std::to_string(m_entries.size() + 1) + " is too long");
        m_offset += start;
        if (start == 0)
            return changed;
    }
}

} // namespace fovea
