#pragma once
// Runs a program to its end and keeps what it said.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

struct ProcessResult {
    int status = -1; // exit status; 128 + n when signal n ended it
    std::string out, err;
    bool timedOut = false; // killed after the time limit
};

struct ProcessOptions {
    std::chrono::milliseconds timeout{120000};
    std::optional<long> fileSizeLimit; // bytes any file may grow to; beyond, writes fail as on a full disk
    std::string stdoutPath;            // where stdout goes instead of `out`
    std::string input;                 // for stdin
    // Sends SIGINT once this many bytes of stdout have come.
    std::optional<std::size_t> interruptAfter;
    std::optional<std::size_t> interruptAfterError; // the same of stderr
};

// command[0] is the program's path. Throws std::runtime_error when it cannot be started.
ProcessResult runProcess(const std::vector<std::string>& command, const ProcessOptions& options = {});

} // namespace fovea
