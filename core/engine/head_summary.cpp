#include <algorithm>
#include <cmath>

#include "core/engine/replay.h"

namespace fovea {

HeadSummary summarise(const HeadMap& map, int side) {
    HeadSummary summary{.layer = map.layer, .head = map.head, .side = side};
    summary.thumbnail.assign(static_cast<std::size_t>(side) * static_cast<std::size_t>(side), 0.f);
    const std::int64_t n = map.tokens;
    const std::int64_t from = map.actsFrom < n ? map.actsFrom : 0;
    double missed = 0, entropy = 0, sink = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        const float* row = &map.weights[static_cast<std::size_t>(i * n)];
        float* thumb = &summary.thumbnail[static_cast<std::size_t>(i * side / n * side)];
        // The largest weight under a pixel decides: an averaged thumbnail would lose one-token columns.
        for (std::int64_t j = 0; j <= i; ++j)
            thumb[j * side / n] = std::max(thumb[j * side / n], row[j]);
        if (i < from)
            continue;
        for (std::int64_t j = 0; j <= i; ++j)
            entropy -= row[j] > 0 ? row[j] * std::log(row[j]) : 0.f;
        missed += map.missed[static_cast<std::size_t>(i)];
        sink += row[0];
    }
    const double queries = static_cast<double>(std::max<std::int64_t>(1, n - from));
    summary.missed = static_cast<float>(missed / queries);
    summary.entropy = static_cast<float>(entropy / queries);
    summary.sink = static_cast<float>(sink / queries);
    return summary;
}

} // namespace fovea
