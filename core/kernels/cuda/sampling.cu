// Launches sampling.cuh: checks the limits, and shares out the scratch.

#include "core/kernels/cuda/sampling.cuh"

#include <stdexcept>

namespace fovea::cuda {

void chooseTokens(const ChooseTokens& step, Stream stream) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
    const std::int64_t masses = step.temperature > 0 ? std::int64_t{step.rows} * step.vocabulary : 0;
    ChooseArguments a{};
    a.step = step;
    a.slices = slicesOf(step.vocabulary);
    a.masses = static_cast<std::uint64_t*>(step.scratch);
    a.peaks = reinterpret_cast<Peak*>(a.masses + masses);

    const dim3 slices(static_cast<unsigned>(a.slices), static_cast<unsigned>(step.rows));
    launch(findPeaks, slices, dim3(kSliceThreads), sizeof(Peak) * kSliceThreads / kWarp, stream, a);
    if (step.temperature > 0)
        launch(weighLogits, slices, dim3(kSliceThreads), 0, stream, a);
    launch(choose, dim3(static_cast<unsigned>(step.rows)), dim3(kChooseThreads), kChooseBytes, stream, a);
}

} // namespace fovea::cuda
