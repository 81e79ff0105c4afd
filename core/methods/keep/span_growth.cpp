#include "core/methods/keep/span_growth.h"

#include <algorithm>

namespace fovea {

std::int64_t SpanGrowth::tokens(std::int64_t n) const {
    const std::int64_t wanted = std::min((alpha + beta * n) >> kUnit, n);
    const std::int64_t least = std::max({minimum, sinks + 1, wanted});
    return (least + block - 1) / block * block;
}

// Within one size S the window moves with p: it begins at N - (S - s). Where S was a block smaller, T = S - b, its
// last query was N' = ⌊((T + 1)·2^20 - 1 - α) / β⌋, the largest N with ⌊α + β·N⌋ <= T, whose window began at
// N' - (T - s): that much had left, and stays away. Earlier sizes had left no more, since each lasts b/β >= b queries.
std::int64_t SpanGrowth::oldest(std::int64_t p) const {
    const std::int64_t n = p + 1, span = tokens(n), before = span - block;
    std::int64_t first = std::max<std::int64_t>(0, n - (span - sinks));
    if (beta > 0 && before >= std::max(minimum, sinks + 1)) {
        const std::int64_t last = (((before + 1) << kUnit) - 1 - alpha) / beta;
        first = std::max(first, last - (before - sinks));
    }
    return first;
}

} // namespace fovea
