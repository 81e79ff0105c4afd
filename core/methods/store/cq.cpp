#include "core/methods/store/cq.h"

#include <algorithm>

#include "core/methods/quantise/code_run.h"

namespace fovea {

bool cqFits(const CqParams& params, int headDim) {
    const bool coupled =
        params.channels == 1 || params.channels == 2 || params.channels == 4 || params.channels == 8;
    return coupled && headDim % params.channels == 0 && params.bits >= 1 &&
           params.bits <= CqParams::kMostBits && params.recent >= 0 && params.recent <= CqParams::kMostRecent;
}

std::int64_t cqExactRows(const CqParams& params, std::int64_t tokens) {
    return std::min<std::int64_t>(tokens, params.recent);
}

std::int64_t predictCqBytes(const CqParams& params, std::int64_t tokens, int headDim, int exactBytes) {
    const std::int64_t exact = cqExactRows(params, tokens);
    return (tokens - exact) * codeBytes(params.bits, headDim / params.channels) +
           exact * headDim * exactBytes;
}

std::int64_t predictCqCentroids(const CqParams& params, int layers, int kvHeads, int headDim) {
    return std::int64_t{2} * layers * kvHeads * headDim * params.centroids();
}

double cqBits(const CqParams& params, std::int64_t tokens) {
    const auto exact = static_cast<double>(cqExactRows(params, tokens));
    const auto all = static_cast<double>(tokens);
    return ((all - exact) * params.bits / params.channels + 16 * exact) / all;
}

} // namespace fovea
