#include "core/train/sentencepiece_process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>

namespace fovea {

namespace {

constexpr const char* kProgram = "fovea-sentencepiece";

std::string programPath() {
    std::error_code error;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::filesystem::path beside = self.parent_path() / kProgram;
    if (!error && std::filesystem::exists(beside, error))
        return beside.string();
    return FOVEA_SENTENCEPIECE_PROGRAM;
}

// An unnamed file: both ends can be files, so that neither program ever waits for the other.
std::unique_ptr<std::FILE, int (*)(std::FILE*)> unnamedFile() {
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
    if (!file)
        throw std::runtime_error("the tokenizer cannot be trained: no room for a temporary file");
    return file;
}

std::string contents(std::FILE* file) {
    std::string text;
    char buffer[65536];
    std::rewind(file);
    for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, file)) > 0;)
        text.append(buffer, n);
    return text;
}

} // namespace

std::string runSentencepiece(const std::vector<std::string>& arguments, const std::string& input) {
    const auto in = unnamedFile(), out = unnamedFile(), errors = unnamedFile();
    if (std::fwrite(input.data(), 1, input.size(), in.get()) != input.size() || std::fflush(in.get()) != 0)
        throw std::runtime_error("the tokenizer cannot be trained: no room for a temporary file");
    const std::string program = programPath();
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const pid_t child = ::fork();
    if (child < 0)
        throw std::runtime_error("the tokenizer cannot be trained: no process could be started");
    if (child == 0) { // only async-signal-safe calls from here
        ::lseek(::fileno(in.get()), 0, SEEK_SET);
        ::dup2(::fileno(in.get()), STDIN_FILENO);
        ::dup2(::fileno(out.get()), STDOUT_FILENO);
        ::dup2(::fileno(errors.get()), STDERR_FILENO);
        ::execv(program.c_str(), argv.data());
        ::_exit(127);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        throw std::runtime_error(program + ": cannot be started; build the whole project");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::string why = contents(errors.get());
        why.erase(std::min(why.find('\n'), why.size()));
        throw std::runtime_error("sentencepiece: " + (why.empty() ? "it ended unexpectedly" : why));
    }
    return contents(out.get());
}

} // namespace fovea
