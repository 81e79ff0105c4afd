#include "core/engine/machine_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>

namespace fovea {

namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max();

// A control group's limit: a number, or "max", or a number so large that it means none.
std::int64_t limitIn(const char* file) {
    std::ifstream in(file);
    std::int64_t bytes = 0;
    return in >> bytes && bytes > 0 ? bytes : kUnlimited;
}

} // namespace

std::int64_t machineMemory() {
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    const std::int64_t physical = pages > 0 && page > 0 ? std::int64_t{pages} * page : kUnlimited;
    const std::int64_t least = std::min({physical, limitIn("/sys/fs/cgroup/memory.max"),
                                         limitIn("/sys/fs/cgroup/memory/memory.limit_in_bytes")});
    return least == kUnlimited ? 0 : least;
}

} // namespace fovea
