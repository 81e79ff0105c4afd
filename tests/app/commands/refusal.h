#pragma once
// How the program refuses. Included last, after what brings libtorch's CHECK.

#include <string>

#include "tests/app/commands/program.h"

#include <catch2/catch.hpp>

namespace fovea {

// Fails with `status` and one line that holds `named`, and prints no result.
inline void requireRefusal(const ProcessResult& r, int status, const std::string& named) {
    INFO("stdout: " << r.out << "\nstderr: " << r.err);
    CHECK(r.status == status);
    CHECK(isOneErrorLine(r.err));
    CHECK(r.err.find(named) != r.err.npos);
    CHECK(r.out.empty());
}

} // namespace fovea
