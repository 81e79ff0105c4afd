#include "core/engine/samples.h"

#include <algorithm>
#include <cstddef>

namespace fovea {

double Samples::quantile(double q) const {
    std::vector<double> sorted = m_seconds;
    std::sort(sorted.begin(), sorted.end());
    const double at = q * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    const std::size_t high = std::min(low + 1, sorted.size() - 1);
    return sorted[low] + (at - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

} // namespace fovea
