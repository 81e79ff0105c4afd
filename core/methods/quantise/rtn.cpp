#include "core/methods/quantise/rtn.h"

#include <algorithm>
#include <iterator>

#include "core/methods/quantise/code_run.h"

namespace fovea {

bool rtnFits(const RtnParams& params) {
    const bool bits = std::find(std::begin(kRtnBits), std::end(kRtnBits), params.bits) != std::end(kRtnBits);
    return bits &&
           (params.group == 32 || params.group == 64 || (params.group > 0 && params.group % 128 == 0));
}

std::optional<RtnParams> packedRows(const WeightCodes& weights) {
    if (const auto* rtn = std::get_if<RtnParams>(&weights))
        return *rtn;
    if (const auto* learnt = std::get_if<CalibratedWeights>(&weights))
        return RtnParams{.bits = learnt->bits, .group = learnt->group};
    return std::nullopt;
}

RtnRow rtnRow(const RtnParams& params, std::int64_t columns) {
    RtnRow row;
    row.groups = (columns + params.group - 1) / params.group;
    row.zeros = 2 * row.groups;
    row.codes = row.zeros;
    if (params.mode == RtnParams::Mode::Asymmetric)
        row.codes +=
            params.zero == RtnParams::Zero::Free ? 2 * row.groups : codeBytes(params.bits, row.groups);
    row.bytes = row.codes + codeBytes(params.bits, columns);
    return row;
}

std::int64_t predictRtnBytes(const RtnParams& params, std::int64_t rows, std::int64_t columns) {
    return rows * rtnRow(params, columns).bytes;
}

double effectiveBits(const RtnParams& params, std::int64_t columns) {
    return 8. * static_cast<double>(rtnRow(params, columns).bytes) / static_cast<double>(columns);
}

} // namespace fovea
