#pragma once
// Ctrl-C as a flag that work can look at.

#include <atomic>

namespace fovea {

// Set by the first SIGINT or SIGTERM from now on; a second one ends the program at once.
const std::atomic<bool>& watchInterrupt();

} // namespace fovea
