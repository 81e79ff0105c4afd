// What can be said of rounding activations without a GPU: why it cannot be launched.

#include "core/kernels/cuda/round_acts.h"

namespace fovea::cuda {

std::string refusal(const RoundActs& step) {
    constexpr std::int64_t kMostComponents = std::int64_t{1} << 24, kMostBlocks = 0x7fffffff;
    if (step.bits != 8 && step.bits != 4)
        return "activations are rounded to 8 or 4 bits, got " + std::to_string(step.bits);
    if (step.n < 1 || step.n > kMostComponents || step.vectors < 1 || step.vectors > kMostBlocks)
        return "rounding needs vectors of components, up to 2^31 of 2^24, got " +
               std::to_string(step.vectors) + " of " + std::to_string(step.n);
    const WholeVectors& whole = step.whole;
    if (!step.x || !step.rounded || (whole.codes && (!whole.scales || !whole.zeros)))
        return "rounding lacks one of its arrays";
    if (reinterpret_cast<std::uintptr_t>(whole.codes) % 16 != 0)
        return "codes of activations must begin at a multiple of 16 bytes";
    return "";
}

} // namespace fovea::cuda
