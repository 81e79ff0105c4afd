#pragma once
// How far a calibration is: called after each of its parts, with how many of all are done.

#include <cstdint>
#include <functional>

namespace fovea {

using CalibrationProgress = std::function<void(std::int64_t done, std::int64_t all)>;

} // namespace fovea
