#pragma once
// Bytes for people: "1.50 MB" (10^6), three significant digits.

#include <cstdint>
#include <string>

namespace fovea {

std::string byteText(std::int64_t bytes);

} // namespace fovea
