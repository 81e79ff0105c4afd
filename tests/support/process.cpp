#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace fovea {

namespace {

struct Pipe {
    int read = -1, write = -1;
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0)
            throw std::runtime_error("no pipe");
        read = ends[0];
        write = ends[1];
    }
    ~Pipe() {
        closeRead();
        closeWrite();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    void closeRead() { closeEnd(read); }
    void closeWrite() { closeEnd(write); }

private:
    static void closeEnd(int& fd) {
        if (fd >= 0)
            ::close(fd);
        fd = -1;
    }
};

[[noreturn]] void becomeChild(const std::vector<std::string>& command, const ProcessOptions& options, int in,
                              int out, int err) {
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    if (options.fileSizeLimit) {
        std::signal(SIGXFSZ, SIG_IGN);
        const auto bytes = static_cast<rlim_t>(*options.fileSizeLimit);
        const rlimit limit{bytes, bytes};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    std::vector<char*> arguments;
    for (const std::string& a : command)
        arguments.push_back(const_cast<char*>(a.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

// False at the end of the stream.
bool readSome(int fd, std::string& text) {
    std::array<char, 1 << 16> buffer;
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0)
        text.append(buffer.data(), static_cast<std::size_t>(n));
    return n > 0;
}

// Reads both streams until they end or time is up.
void listen(pid_t child, Pipe& out, Pipe& err, const ProcessOptions& options, ProcessResult& result) {
    const auto deadline = std::chrono::steady_clock::now() + options.timeout;
    bool interrupted = false;
    while (out.read >= 0 || err.read >= 0) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        std::array<pollfd, 2> streams = {pollfd{out.read, POLLIN, 0}, pollfd{err.read, POLLIN, 0}};
        if (left.count() <= 0 ||
            ::poll(streams.data(), streams.size(), static_cast<int>(left.count())) <= 0) {
            ::kill(child, SIGKILL);
            result.timedOut = true;
            return;
        }
        if (streams[0].revents && !readSome(out.read, result.out))
            out.closeRead();
        if (streams[1].revents && !readSome(err.read, result.err))
            err.closeRead();
        const auto reached = [](const std::optional<std::size_t>& bytes, const std::string& text) {
            return bytes && text.size() >= *bytes;
        };
        if (!interrupted && (reached(options.interruptAfter, result.out) ||
                             reached(options.interruptAfterError, result.err))) {
            ::kill(child, SIGINT);
            interrupted = true;
        }
    }
}

} // namespace

ProcessResult runProcess(const std::vector<std::string>& command, const ProcessOptions& options) {
    if (::access(command.at(0).c_str(), X_OK) != 0)
        throw std::runtime_error("no program " + command[0]);
    Pipe in, out, err;
    const int stdoutFile =
        options.stdoutPath.empty() ? -1 : ::open(options.stdoutPath.c_str(), O_WRONLY | O_CLOEXEC);
    const pid_t child = ::fork();
    if (child < 0)
        throw std::runtime_error("cannot fork");
    if (child == 0)
        becomeChild(command, options, in.read, stdoutFile >= 0 ? stdoutFile : out.write, err.write);
    if (stdoutFile >= 0)
        ::close(stdoutFile);
    in.closeRead();
    out.closeWrite();
    err.closeWrite();
    // Small enough for the pipe's buffer, so this cannot block.
    if (!options.input.empty() && ::write(in.write, options.input.data(), options.input.size()) < 0)
        throw std::runtime_error("cannot write to the program");
    in.closeWrite();
    ProcessResult result;
    listen(child, out, err, options, result);
    int status = 0;
    ::waitpid(child, &status, 0);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

} // namespace fovea
