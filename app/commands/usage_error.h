#pragma once
// What the user asked for cannot be asked: exit status 2. what() is one line that names the option and what
// to do.

#include <stdexcept>

namespace fovea {

class UsageError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// Ctrl-C: exit status 1, nothing half-written.
class Interrupted : public std::runtime_error {
public:
    Interrupted() : std::runtime_error("interrupted") {}
};

} // namespace fovea
