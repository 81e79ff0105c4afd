// Launches sampling.cuh and surprise.cuh: checks the limits, and shares out the scratch.

#include "core/kernels/cuda/sampling.cuh"
#include "core/kernels/cuda/surprise.cuh"

#include <stdexcept>

namespace fovea::cuda {

void chooseTokens(const ChooseTokens& step, Stream stream) {
    if (const std::string why = refusal(step); !why.empty())
        throw std::invalid_argument(why);
    const bool draws = step.temperature > 0 && !step.given;
    const std::int64_t masses = draws ? std::int64_t{step.rows} * step.vocabulary : 0;
    ChooseArguments a{};
    a.step = step;
    a.slices = slicesOf(step.vocabulary);
    a.masses = static_cast<std::uint64_t*>(step.scratch);
    a.sums = reinterpret_cast<double*>(a.masses + masses);
    a.peaks = reinterpret_cast<Peak*>(a.sums + (step.surprises ? std::int64_t{step.rows} * a.slices : 0));

    const dim3 rows(static_cast<unsigned>(step.rows));
    const dim3 slices(static_cast<unsigned>(a.slices), rows.x);
    constexpr std::size_t kWarps = kSliceThreads / kWarp;
    launch(findPeaks, slices, dim3(kSliceThreads), sizeof(Peak) * kWarps, stream, a);
    if (draws)
        launch(weighLogits, slices, dim3(kSliceThreads), 0, stream, a);
    if (!step.given)
        launch(choose, rows, dim3(kChooseThreads), kChooseBytes, stream, a);
    if (!step.surprises)
        return;
    launch(sumExponentials, slices, dim3(kSliceThreads), sizeof(double) * kWarps, stream, a);
    launch(tellSurprises, rows, dim3(kWarp), 0, stream, a);
}

} // namespace fovea::cuda
