#pragma once
// How much memory this process may take.

#include <cstdint>

namespace fovea {

// Bytes: what the machine has, or what the process's control group allows where that is less. 0 where neither
// is known.
std::int64_t machineMemory();

} // namespace fovea
