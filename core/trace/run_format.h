#pragma once
// How files of runs name themselves. Internal to their writer and reader.

namespace fovea {

inline constexpr const char* kRunFormat = "fovea-run";
inline constexpr const char* kRunFileFormat = "fovea-runs";
inline constexpr int kRunVersion = 1; // raised when a reader of an older version would misread a file

} // namespace fovea
