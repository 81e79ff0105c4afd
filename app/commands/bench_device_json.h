#pragma once
// What the GPU's bench found, for machines: the file that is kept as a result.

#include <nlohmann/json.hpp>
#include <string>

#include "core/bench/device_bench.h"

namespace fovea {

// Where and when it was.
struct DeviceBenchOrigin {
    std::string date;    // UTC, ISO 8601
    std::string driver;  // empty: unknown
    std::string command; // that gives another such file
};

nlohmann::ordered_json jsonOf(const DeviceBench& bench, const DeviceBenchOrigin& origin);

} // namespace fovea
