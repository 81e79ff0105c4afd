// Launches round_acts.cuh: checks the limits.

#include "core/kernels/cuda/round_acts.cuh"

#include <stdexcept>

namespace fovea::cuda {

void roundActs(const RoundActs& step, Stream stream) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
    launch(roundVectors, dim3(static_cast<unsigned>(step.vectors)), dim3(kRoundThreads),
           (3 * kRoundWarps * sizeof(float) + 15) / 16 * 16, stream, step);
}

} // namespace fovea::cuda
