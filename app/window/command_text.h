#pragma once
// The command line that makes what the window shows: every picture can be had again without it.

#include <string>
#include <string_view>

namespace fovea {

struct RunRequest;

// Quoted for a POSIX shell where it must be.
std::string shellQuoted(std::string_view text);
// "./run compare --model … --prompt … --plan … --plan … --tokens … --out comparison"
std::string compareCommand(const RunRequest& request);

} // namespace fovea
