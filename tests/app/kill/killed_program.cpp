#include "tests/app/kill/killed_program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <stdexcept>
#include <thread>

#include "core/trace/file_writer.h"

namespace fovea {

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr Seconds kPatience{60};

[[noreturn]] void become(const KillOptions& options) {
    const int said = ::open(options.said.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ::dup2(said, STDOUT_FILENO);
    ::dup2(said, STDERR_FILENO);
    std::vector<char*> arguments;
    for (const std::string& argument : options.command)
        arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
}

bool holdsTemporary(const std::filesystem::path& folder) {
    std::error_code error;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
        if (isTemporary(it->path()))
            return true;
    return false;
}

class Child {
public:
    explicit Child(pid_t pid) : m_pid(pid) {}
    bool alive() {
        if (!m_ended)
            m_ended = ::waitpid(m_pid, &m_status, WNOHANG) == m_pid;
        return !m_ended;
    }
    // False when the time is up or the child has ended.
    template <class Condition>
    bool waitFor(const Condition& condition, Seconds patience, std::chrono::microseconds pause) {
        const auto deadline = Clock::now() + patience;
        while (!condition()) {
            if (!alive() || Clock::now() > deadline)
                return false;
            std::this_thread::sleep_for(pause);
        }
        return true;
    }
    KillResult kill() {
        if (alive()) {
            ::kill(m_pid, SIGKILL);
            ::waitpid(m_pid, &m_status, 0);
            m_ended = true;
        }
        // It may have ended between the question and the kill.
        if (WIFSIGNALED(m_status))
            return {WTERMSIG(m_status) == SIGKILL, 128 + WTERMSIG(m_status)};
        return {false, WEXITSTATUS(m_status)};
    }

private:
    pid_t m_pid;
    bool m_ended = false;
    int m_status = 0;
};

} // namespace

KillResult runAndKill(const KillOptions& options, Random& random) {
    const Seconds delay{random.uniform() * options.mostSeconds};
    const Seconds lateness{random.uniform() * 2e-3}; // of an aimed kill: making, writing, renaming
    std::filesystem::remove(options.said);
    const pid_t pid = ::fork();
    if (pid < 0)
        throw std::runtime_error("cannot fork");
    if (pid == 0)
        become(options);
    Child child(pid);
    using namespace std::chrono_literals;
    const auto begun = [&] {
        std::error_code none;
        const auto size = std::filesystem::file_size(options.after, none);
        return !none && size > 0;
    };
    if (!options.after.empty())
        child.waitFor(begun, kPatience, 500us);
    child.waitFor([] { return false; }, delay, 2ms);
    if (options.aimed && child.waitFor([&] { return holdsTemporary(options.folder); }, kPatience, 50us))
        std::this_thread::sleep_for(lateness);
    return child.kill();
}

} // namespace fovea
