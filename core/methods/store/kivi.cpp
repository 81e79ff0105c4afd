#include "core/methods/store/kivi.h"

#include <algorithm>
#include <iterator>

#include "core/methods/quantise/code_run.h"
#include "core/methods/quantise/rtn.h"

namespace fovea {

namespace {

constexpr std::int64_t kGroupBytes = 4; // scale and least value, each in binary16

std::int64_t groupsOf(std::int64_t numbers, int group) {
    return (numbers + group - 1) / group;
}

double bitsPerNumber(const KiviParams& params, std::int64_t tokens, std::int64_t exact) {
    const double coded = params.bits + 8. * kGroupBytes / params.group; // b_eff
    return (coded * static_cast<double>(tokens - exact) + 16. * static_cast<double>(exact)) /
           static_cast<double>(tokens);
}

} // namespace

bool kiviFits(const KiviParams& params) {
    // Bits and groups are those of every packed run of codes.
    const bool codes = rtnFits({.bits = params.bits, .group = params.group});
    return codes && params.residual >= 0 && params.residual <= KiviParams::kMostResidual &&
           params.residual % params.group == 0;
}

std::int64_t kiviExactKeys(const KiviParams& params, std::int64_t tokens) {
    return params.residual == 0 ? 0 : tokens % params.residual;
}

std::int64_t kiviExactValues(const KiviParams& params, std::int64_t tokens) {
    return std::min<std::int64_t>(tokens, params.residual);
}

std::int64_t predictKiviKeyBytes(const KiviParams& params, std::int64_t tokens, int headDim, int exactBytes) {
    const std::int64_t exact = kiviExactKeys(params, tokens), coded = tokens - exact;
    return coded * codeBytes(params.bits, headDim) + kGroupBytes * headDim * groupsOf(coded, params.group) +
           exact * headDim * exactBytes;
}

std::int64_t predictKiviValueBytes(const KiviParams& params, std::int64_t tokens, int headDim,
                                   int exactBytes) {
    const std::int64_t exact = kiviExactValues(params, tokens), coded = tokens - exact;
    return coded * (codeBytes(params.bits, headDim) + kGroupBytes * groupsOf(headDim, params.group)) +
           exact * headDim * exactBytes;
}

double kiviKeyBits(const KiviParams& params, std::int64_t tokens) {
    return bitsPerNumber(params, tokens, kiviExactKeys(params, tokens));
}

double kiviValueBits(const KiviParams& params, std::int64_t tokens) {
    return bitsPerNumber(params, tokens, kiviExactValues(params, tokens));
}

} // namespace fovea
