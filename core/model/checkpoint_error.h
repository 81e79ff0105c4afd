#pragma once
// The one error of files from outside. Apart from model.h, so that a header can be read without libtorch.

#include <stdexcept>

namespace fovea {

// A file that cannot be read or does not hold what it claims. what() is one line: which file, what, what to
// do.
class CheckpointError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace fovea
