#pragma once
// Which rows a scored keep leaves: the newest, and of the others those that score highest.

#include <cstdint>

namespace at {
class Tensor;
}

namespace fovea {

// scores (n) fp32 and positions (n) int64, distinct -> min(budget, n) rows, ascending: the `recent` newest by position
// (recent <= budget), then by score, a newer before an older of the same. A score that is no number is the lowest.
at::Tensor highestRows(const at::Tensor& scores, const at::Tensor& positions, std::int64_t budget,
                       std::int64_t recent);

} // namespace fovea
