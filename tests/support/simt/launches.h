#pragma once
// How many launches the host has executed, so that a test can hold a step to a number of them.

#include <cstdint>

namespace fovea::simt {

// Of all executors, those of graphs each time that one is launched.
std::uint64_t executedLaunches();

} // namespace fovea::simt
