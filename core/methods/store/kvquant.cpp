#include "core/methods/store/kvquant.h"

#include <algorithm>
#include <cmath>

#include "core/methods/quantise/code_run.h"

namespace fovea {

namespace {

std::int64_t keyBytes(const KvquantParams& params, std::int64_t width) {
    return codeBytes(params.bits, width) + 4 * kvquantOutliers(params, width);
}

// n rows that are coded in `row` bytes, but for the exact ones.
std::int64_t rowsBytes(const KvquantParams& params, std::int64_t tokens, std::int64_t row, std::int64_t exactRow) {
    const std::int64_t exact = std::min<std::int64_t>(tokens, params.exact);
    return (tokens - exact) * row + exact * exactRow;
}

} // namespace

bool kvquantFits(const KvquantParams& params, std::int64_t width) {
    // The comparison is written so that NaN is refused.
    const bool share = params.outliers >= 0 && params.outliers <= KvquantParams::kMostOutliers;
    return share && params.bits >= 2 && params.bits <= 4 && params.exact >= 0 &&
           params.exact <= KvquantParams::kMostExact && width >= 1 && width <= KvquantParams::kMostWidth;
}

std::int64_t kvquantOutliers(const KvquantParams& params, std::int64_t width) {
    // A share such as .07 is a little more than it says, and so its product with 100.
    return static_cast<std::int64_t>(std::ceil(params.outliers * static_cast<double>(width) - 1e-9));
}

std::int64_t predictKvquantKeyBytes(const KvquantParams& params, std::int64_t tokens, std::int64_t width,
                                    int exactBytes) {
    return rowsBytes(params, tokens, keyBytes(params, width), width * exactBytes);
}

std::int64_t predictKvquantValueBytes(const KvquantParams& params, std::int64_t tokens, std::int64_t width,
                                      int exactBytes) {
    return rowsBytes(params, tokens, keyBytes(params, width) + 4, width * exactBytes);
}

std::int64_t predictKvquantTableBytes(const KvquantParams& params, std::int64_t width) {
    return 2 * (2 * width + 2 * 2 * params.levels());
}

double kvquantBits(const KvquantParams& params, std::int64_t width) {
    return 8. * static_cast<double>(keyBytes(params, width) + 4) / static_cast<double>(width);
}

} // namespace fovea
