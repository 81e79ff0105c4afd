#pragma once
// Starts a program and kills it without warning.

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/tasks/random.h"

namespace fovea {

struct KillOptions {
    std::vector<std::string> command;
    std::filesystem::path folder; // that it writes to
    std::filesystem::path said;   // where its stdout and stderr go
    // The clock does not run before this file is there and holds something; empty: it runs from the start.
    std::filesystem::path after;
    double mostSeconds = 1; // the kill comes at a random moment within
    bool aimed = false;     // then at the next moment that a temporary file stands in the folder
};

struct KillResult {
    bool killed = false; // else it had ended by itself
    int status = 0;      // then
};

// Throws std::runtime_error when it cannot be started.
KillResult runAndKill(const KillOptions& options, Random& random);

} // namespace fovea
